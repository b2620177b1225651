"""Make tiny_detector.onnx: a detector of bright places, small enough to commit.

Regenerate it with ``python tests/golden/make_tiny_detector.py`` (needs onnx).

Input: uint8 [1,32,32,3] BGR. The image is cut into a 4 x 4 grid of cells of 8 pixels. The score
of a cell is its mean over pixels and channels, divided by 255; its label is 1 ("blue") when blue
is the brightest channel of the cell and 0 ("other") otherwise; its box is the cell. All 16
candidates come out, in descending order of score.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgedet.runtime.spec import SPEC_KEY, ModelSpec, spec_to_json

SIDE, CELL = 32, 8
GRID = SIDE // CELL
CELLS = GRID * GRID
SPEC = ModelSpec(
    class_names=("other", "blue"),
    size_hw=(SIDE, SIDE),
    color="BGR",
    input_dtype="uint8",
    input_layout="NHWC",
    provenance={"made_by": "tests/golden/make_tiny_detector.py"},
)


def _cells_xyxy() -> "np.ndarray":
    top, left = np.divmod(np.arange(CELLS), GRID)
    corners = np.stack([left, top, left + 1, top + 1], axis=1) * CELL
    return corners.astype(np.float32)


def _graph() -> onnx.GraphProto:
    node = helper.make_node
    nodes = [
        node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
        node(
            "AveragePool", ["planes"], ["pooled"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]
        ),
        node("Reshape", ["pooled", "channels_by_cells"], ["colors"]),
        node("ReduceMean", ["colors"], ["grey"], axes=[1], keepdims=0),
        node("Div", ["grey", "white"], ["brightness"]),
        node("TopK", ["brightness", "k"], ["scores", "cell"], axis=1),
        node("Gather", ["cells_xyxy", "cell"], ["boxes_xyxy"], axis=0),
        node("ArgMax", ["colors"], ["brightest"], axis=1, keepdims=0),
        node("Equal", ["brightest", "blue"], ["is_blue"]),
        node("Cast", ["is_blue"], ["label_of_cell"], to=TensorProto.INT64),
        node("GatherElements", ["label_of_cell", "cell"], ["labels"], axis=1),
    ]
    constants = {
        "channels_by_cells": np.array([1, 3, CELLS], dtype=np.int64),
        "white": np.array(255, dtype=np.float32),
        "k": np.array([CELLS], dtype=np.int64),
        "cells_xyxy": _cells_xyxy(),
        "blue": np.array(0, dtype=np.int64),
    }
    value = helper.make_tensor_value_info
    outputs = [
        value("boxes_xyxy", TensorProto.FLOAT, [1, CELLS, 4]),
        value("scores", TensorProto.FLOAT, [1, CELLS]),
        value("labels", TensorProto.INT64, [1, CELLS]),
    ]
    images = value("images", TensorProto.UINT8, [1, SIDE, SIDE, 3])
    initialisers = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    return helper.make_graph(nodes, "tiny_detector", [images], outputs, initialisers)


def make(path: Path) -> None:
    """Write the checked model, its spec in the metadata, to ``path``."""
    model = helper.make_model(_graph(), opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    helper.set_model_props(model, {SPEC_KEY: spec_to_json(SPEC)})
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


if __name__ == "__main__":
    make(Path(__file__).with_name("tiny_detector.onnx"))
