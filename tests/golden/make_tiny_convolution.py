"""Makes tiny_convolution.onnx: the smallest graph with all parts of an exported detector.

A learned part (one convolution), moves behind it, and a tail that makes boxes and scores; float
input, named nodes, static shapes. Run: python tests/golden/make_tiny_convolution.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgedet.export.metadata import write_spec
from edgedet.runtime.spec import ModelSpec

SIDE, CELLS, CLASSES, TOP_K = 16, 16, 2, 4


def constants() -> list[onnx.TensorProto]:
    weight = np.random.default_rng(0).normal(0, 0.2, (4 + CLASSES, 3, 4, 4))
    weight[:4] *= 0.05  # boxes differ by a pixel, and stay boxes
    values = {
        "weight": weight.astype(np.float32),
        "bias": np.array([0.1, 0.2, 0.8, 0.9] + [0] * CLASSES, np.float32),
        "rows": np.array([1, 4 + CLASSES, CELLS], np.int64),
        "zero": np.array([0], np.int64),
        "four": np.array([4], np.int64),
        "all": np.array([4 + CLASSES], np.int64),
        "last_axis": np.array([2], np.int64),
        "one_class": np.array([5], np.int64),
        "k": np.array([TOP_K], np.int64),
        "side": np.array([SIDE], np.float32),
        "flat": np.array([1, CELLS], np.int64),
        "column": np.array([1, TOP_K, 1], np.int64),
        "four_columns": np.array([1, TOP_K, 4], np.int64),
    }
    return [numpy_helper.from_array(value, name) for name, value in values.items()]


def nodes() -> list[onnx.NodeProto]:
    make = helper.make_node
    return [
        make("Conv", ["images", "weight", "bias"], ["map"], name="/stem/Conv", strides=[4, 4]),
        make("Reshape", ["map", "rows"], ["columns"], name="/head/Reshape"),
        make("Transpose", ["columns"], ["table"], name="/head/Transpose", perm=[0, 2, 1]),
        make("Slice", ["table", "zero", "four", "last_axis"], ["codes"], name="/head/Codes"),
        make("Slice", ["table", "four", "one_class", "last_axis"], ["logits"], name="/head/Logits"),
        make("Reshape", ["logits", "flat"], ["flat_logits"], name="/head/Flatten"),
        make("Sigmoid", ["flat_logits"], ["chances"], name="/decode/Sigmoid"),
        make("TopK", ["chances", "k"], ["scores", "cell"], name="/decode/TopK"),
        make("Sub", ["cell", "cell"], ["labels"], name="/decode/Labels"),
        make("Reshape", ["cell", "column"], ["cells"], name="/decode/Column"),
        make("Expand", ["cells", "four_columns"], ["index"], name="/decode/Expand"),
        make("GatherElements", ["codes", "index"], ["best"], name="/decode/Best", axis=1),
        make("Mul", ["best", "side"], ["boxes_xyxy"], name="/decode/Scale"),
    ]


def main() -> None:
    """Write the file beside this script."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes(),
        "tiny_convolution",
        [value("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [
            value("boxes_xyxy", TensorProto.FLOAT, [1, TOP_K, 4]),
            value("scores", TensorProto.FLOAT, [1, TOP_K]),
            value("labels", TensorProto.INT64, [1, TOP_K]),
        ],
        constants(),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    provenance = {"made_by": "tests/golden/make_tiny_convolution.py", "precision": "float32"}
    write_spec(model, ModelSpec(("thing",), (SIDE, SIDE), provenance=provenance))
    onnx.checker.check_model(model, full_check=True)
    target = Path(__file__).with_name("tiny_convolution.onnx")
    target.write_bytes(model.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
