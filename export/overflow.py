"""Values that FP16 cannot hold, looked for on images before anything is converted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edgedet.calibration.layers import tail_of
from edgedet.calibration.tensors import inferred_types
from edgedet.runtime.errors import ModelError
from edgedet.runtime.lazy import require
from edgedet.runtime.preprocess import preprocess

from .half import FLOAT, elem_types
from .metadata import read_spec
from .onnx_file import INSTALL_ONNX, onnx_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto

FP16_MAX = 65504.0
HEADROOM = 4.0
"""Other images have larger values than those that were looked at: a tensor may reach a quarter of
what FP16 holds. Factor of our choice; activations of trained detectors stay below 100."""
INSTALL_ORT = "install it with: pip install onnxruntime"
_SUFFIX = "//largest"
"""Of names that no exporter makes."""


class Overflow(NamedTuple):
    """A tensor that would not fit, and the node that makes it."""

    tensor: str
    node: str
    """Operator and name."""
    largest: float


class Scan(NamedTuple):
    """The largest absolute value of each float tensor, over all images."""

    images: int
    largest: Mapping[str, float]
    """By tensor name; weights among them."""


def scan_values(model: ModelProto, images_bgr: Iterable[NDArray[np.uint8]]) -> Scan:
    """Run the FP32 `model` on frames [H, W, 3] uint8 BGR of any size, and look at every tensor.

    The largest value is taken inside the graph, so that no tensor leaves ONNX Runtime. Raises
    ModelError when a tensor is not finite even in FP32.
    """
    ort = require("onnxruntime", INSTALL_ORT)
    spec = read_spec(model)
    watched, names = _watched(model)
    session = ort.InferenceSession(onnx_bytes(watched), providers=["CPUExecutionProvider"])
    images = session.get_inputs()[0]  # constants that are listed as inputs left out
    largest = _weights(model)
    count = 0
    for image in images_bgr:
        tensor = preprocess(image, spec)[0]
        feed = {images.name: np.stack([tensor] * images.shape[0])}
        found = session.run([name + _SUFFIX for name in names], feed)
        for name, value in zip(names, found, strict=True):
            size = 0.0 if value == -np.inf else float(value)  # of a tensor without values
            largest[name] = max(largest.get(name, 0.0), _finite(name, size))
        count += 1
    return Scan(count, largest)


def nodes_to_keep(model: ModelProto, scan: Scan) -> tuple[set[int], list[Overflow]]:
    """Return the indices of the nodes that have to stay in FP32, and why.

    A tensor too large for FP16 keeps its maker in FP32 and its readers as well. Nodes that stay in
    FP32 anyway are no finding.
    """
    tail = tail_of(model.graph)
    large = {name for name, value in scan.largest.items() if value * HEADROOM > FP16_MAX}
    kept, found = set(), []
    for index, node in enumerate(model.graph.node):
        if index in tail or not large.intersection([*node.input, *node.output]):
            continue
        kept.add(index)
        label = f"{node.op_type} {node.name or node.output[0]}"
        mine = sorted(large.intersection([*node.output, *_constants_of(model, node.input)]))
        found += [Overflow(name, label, scan.largest[name]) for name in mine]
    return kept, found


def _constants_of(model: ModelProto, names: Iterable[str]) -> set[str]:
    return {tensor.name for tensor in model.graph.initializer}.intersection(names)


def _watched(model: ModelProto) -> tuple[ModelProto, list[str]]:
    """A copy whose outputs are the largest absolute value of each float tensor of the nodes."""
    onnx = require("onnx", INSTALL_ONNX)
    types = elem_types(inferred_types(model).graph)
    made = [name for node in model.graph.node for name in node.output]
    names = [name for name in made if types.get(name) == FLOAT]  # "": not asked for
    watched = type(model)()
    watched.CopyFrom(model)
    for name in names:
        size, largest = f"{name}{_SUFFIX}/size", name + _SUFFIX
        # Without axes it is over all of them, in every opset.
        watched.graph.node.append(onnx.helper.make_node("Abs", [name], [size]))
        watched.graph.node.append(onnx.helper.make_node("ReduceMax", [size], [largest], keepdims=0))
        watched.graph.output.append(onnx.helper.make_tensor_value_info(largest, FLOAT, []))
    return watched, names


def _weights(model: ModelProto) -> dict[str, float]:
    onnx = require("onnx", INSTALL_ONNX)
    arrays = {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in model.graph.initializer
        if tensor.data_type == FLOAT
    }
    sizes = {name: float(np.abs(value).max(initial=0)) for name, value in arrays.items()}
    return {name: _finite(name, value) for name, value in sizes.items()}


def _finite(name: str, value: float) -> float:
    if not np.isfinite(value):
        fix = "train again with a lower learning rate, or report this with the checkpoint"
        raise ModelError("finite values in FP32", f"{value} in the tensor {name}", fix)
    return value
