"""A network as detectors have them, what it computes in INT8 by a slow reference, and graph looks.

images, stem + ReLU6, depthwise + ReLU6, project, widen + ReLU, narrow, sum, head, out: one after
the other, and the sum adds project to narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

SIDE = 8
FLOATS = np.float32
LAYERS = ("stem", "depthwise", "project", "widen", "narrow")
HEAD = "head"
SHAPES = {
    "stem": (4, 3, 3, 3),
    "depthwise": (4, 1, 3, 3),
    "project": (6, 4, 1, 1),
    "widen": (8, 6, 1, 1),
    "narrow": (6, 8, 1, 1),
    "head": (5, 6, 3, 3),
}
ATTRIBUTES: dict[str, dict[str, Any]] = {
    "stem": {"pads": [1, 1, 1, 1], "strides": [2, 2], "kernel_shape": [3, 3]},
    "depthwise": {"pads": [1, 1, 1, 1], "group": 4, "kernel_shape": [3, 3]},
    "head": {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3]},
}


ORDER = (
    ("images", "stem", 6),
    ("stem_six", "depthwise", 6),
    ("depthwise_six", "project", None),
    ("project", "widen", np.inf),
    ("widen_relu", "narrow", None),
)
"""What it reads, the layer, and the upper bound behind it."""


def weights_of(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    found = {}
    for name, shape in SHAPES.items():
        found[name] = rng.normal(size=shape).astype(FLOATS)
        found[f"{name}_bias"] = rng.normal(size=shape[0]).astype(FLOATS)
    return found


def network(seed: int = 0) -> onnx.ModelProto:
    """Return the network with float input [1, 3, 8, 8]."""
    weights = {**weights_of(seed), "zero": FLOATS(0), "six": FLOATS(6)}
    nodes = [
        conv("stem", "images"),
        named("Clip", ["stem", "zero", "six"], "stem_six"),
        conv("depthwise", "stem_six"),
        named("Clip", ["depthwise", "zero", "six"], "depthwise_six"),
        conv("project", "depthwise_six"),
        conv("widen", "project"),
        named("Relu", ["widen"], "widen_relu"),
        conv("narrow", "widen_relu"),
        named("Add", ["project", "narrow"], "sum"),
        conv("head", "sum"),
        named("Softmax", ["head"], "out", axis=1),
    ]
    return model_of(nodes, weights, [1, 3, SIDE, SIDE])


def conv(name: str, source: str) -> onnx.NodeProto:
    return named(
        "Conv", [source, f"{name}_weight", f"{name}_bias"], name, **ATTRIBUTES.get(name, {})
    )


def named(op_type: str, inputs: list[str], output: str, **attributes: Any) -> onnx.NodeProto:
    """Return a node that is called as what it makes."""
    return helper.make_node(op_type, inputs, [output], name=output, **attributes)


def model_of(
    nodes: list[onnx.NodeProto],
    weights: Mapping[str, np.ndarray],
    shape: list[int],
    dtype: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """Return a graph images -> out; weights of the name of a layer are called *_weight."""
    names = {name: f"{name}_weight" if name in SHAPES else name for name in weights}
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("images", dtype, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [None] * 4)],
        [numpy_helper.from_array(np.asarray(v), names[name]) for name, v in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    onnx.checker.check_model(model, full_check=True)
    return model


Round = Callable[[str, np.ndarray], np.ndarray]


def forward(
    images: np.ndarray,
    weights: Mapping[str, np.ndarray],
    read: Round = lambda name, values: values,
    skip: Round = lambda name, values: values,
) -> dict[str, np.ndarray]:
    """Return every activation [C, H, W] by name, in FP64.

    read: what a convolution sees of its input; skip: what the sum sees of its first side.
    """
    tensors = {"images": images[0].astype(np.float64)}
    order = [
        ("images", "stem", 6),
        ("stem_six", "depthwise", 6),
        ("depthwise_six", "project", None),
    ]
    order += [("project", "widen", np.inf), ("widen_relu", "narrow", None)]
    for source, name, bound in order:
        tensors[name] = _conv(read(source, tensors[source]), name, weights)
        if bound is not None:
            suffix = "relu" if bound == np.inf else "six"
            tensors[f"{name}_{suffix}"] = np.clip(tensors[name], 0, bound)
    tensors["sum"] = skip("project", tensors["project"]) + tensors["narrow"]
    tensors["head"] = _conv(tensors["sum"], "head", weights)
    powers = np.exp(tensors["head"] - tensors["head"].max(axis=0))
    tensors["out"] = powers / powers.sum(axis=0)
    return tensors


def _conv(values: np.ndarray, name: str, weights: Mapping[str, np.ndarray]) -> np.ndarray:
    """Sum by sum, as the definition has it."""
    settings = ATTRIBUTES.get(name, {})
    kernel, bias = weights[name].astype(np.float64), weights[f"{name}_bias"].astype(np.float64)
    pad, stride = settings.get("pads", [0])[0], settings.get("strides", [1])[0]
    padded = np.pad(values, ((0, 0), (pad, pad), (pad, pad)))
    channels, each, high, wide = kernel.shape
    rows = (padded.shape[1] - high) // stride + 1
    made = np.empty((channels, rows, rows))
    for channel in range(channels):
        first = channel * each if settings.get("group", 1) > 1 else 0
        for y in range(rows):
            for x in range(rows):
                window = padded[
                    first : first + each,
                    y * stride : y * stride + high,
                    x * stride : x * stride + wide,
                ]
                made[channel, y, x] = (window * kernel[channel]).sum() + bias[channel]
    return made


def round_int8(values: np.ndarray, amax: float) -> np.ndarray:
    """What symmetric int8 keeps; ONNX saturates at -128."""
    scale = float(FLOATS(amax / 127))
    return np.clip(np.rint(values / scale), -128, 127) * scale


def round_uint8(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """What asymmetric uint8 keeps."""
    scale = float(FLOATS((high - low) / 255))
    zero = np.rint(-low / scale)
    return (np.clip(np.rint(values / scale) + zero, 0, 255) - zero) * scale


def round_weights(weights: np.ndarray) -> np.ndarray:
    """What int8 keeps of each output channel."""
    return np.stack([round_int8(channel, np.abs(channel).max()) for channel in weights])


def images(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(1, 3, SIDE, SIDE)).astype(FLOATS)


def ranges(tensors: Mapping[str, np.ndarray]) -> dict[str, tuple[float, float]]:
    return {name: (min(0, float(v.min())), max(0, float(v.max()))) for name, v in tensors.items()}


def amax_of(tensors: Mapping[str, np.ndarray]) -> dict[str, float]:
    return {name: float(np.abs(v).max()) for name, v in tensors.items()}


def run(model: onnx.ModelProto, batch: np.ndarray, *, optimised: bool = True) -> list[np.ndarray]:
    options = ort.SessionOptions()
    if not optimised:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options)
    return session.run(None, {"images": batch})


def constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def producers(model: onnx.ModelProto) -> dict[str, onnx.NodeProto]:
    return {name: node for node in model.graph.node for name in node.output}


def nodes_of(model: onnx.ModelProto, op_type: str) -> list[onnx.NodeProto]:
    return [node for node in model.graph.node if node.op_type == op_type]


def node_named(model: onnx.ModelProto, name: str) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.name == name)
