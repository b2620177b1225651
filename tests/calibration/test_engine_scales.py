"""What a TensorRT that quantises by itself is told: the same as the Q/DQ form has in its graph."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from int8_networks import HEAD, LAYERS, network
from onnx import numpy_helper

from edgedet.calibration.bias_correction import channel_means
from edgedet.calibration.engine_scales import engine_scales, ranged_tensors
from edgedet.calibration.qdq import qdq_model
from edgedet.calibration.scales_file import read_scales, write_scales
from edgedet.runtime.int8_scales import CalibrationKey, Clip, Scale, Scales

KEY = CalibrationKey("0" * 64, "1" * 64, 4, {}, "minmax")


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    return network()


@pytest.fixture(scope="module")
def scales(model: onnx.ModelProto) -> Scales:
    names = ranged_tensors(model)
    return Scales(KEY, {name: Scale(2.0, Clip(-1.0, 2.0)) for name in names})


@pytest.fixture(scope="module")
def means(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return channel_means(model, [rng.uniform(0, 1, (1, 3, 8, 8)).astype(np.float32)])


def biases_in(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Of each convolution, by its name, as the file has them."""
    values = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    return {node.name: values[node.input[2]] for node in convolutions if len(node.input) > 2}


def test_float_layers_are_the_head_and_what_was_sent_back(
    model: onnx.ModelProto, scales: Scales
) -> None:
    assert engine_scales(model, scales).float_layers == (HEAD,)
    assert set(engine_scales(model, scales, {"widen"}).float_layers) == {HEAD, "widen"}
    assert engine_scales(model, scales).biases == {}


def test_biases_are_those_of_the_graph_with_q_dq(
    model: onnx.ModelProto, scales: Scales, means: dict[str, np.ndarray]
) -> None:
    found = engine_scales(model, scales, {"widen"}, means)
    graph = qdq_model(model, scales.amax, "tensorrt", {"widen"}, means=means)
    assert set(found.biases) == set(LAYERS) - {"widen"}
    written = biases_in(graph)
    for layer, bias in found.biases.items():
        assert np.array_equal(np.array(bias, np.float32), written[layer])
    assert not np.array_equal(written["stem"], biases_in(model)["stem"])


def test_the_model_stays_as_it_is(
    model: onnx.ModelProto, scales: Scales, means: dict[str, np.ndarray]
) -> None:
    before = model.SerializeToString(deterministic=True)
    engine_scales(model, scales, (), means)
    assert model.SerializeToString(deterministic=True) == before


def test_all_of_it_is_in_the_file(
    tmp_path: Path, model: onnx.ModelProto, scales: Scales, means: dict[str, np.ndarray]
) -> None:
    written = engine_scales(model, scales, {"widen"}, means)
    write_scales(tmp_path / "scales.json", written)
    assert read_scales(tmp_path / "scales.json") == written
    values = json.loads((tmp_path / "scales.json").read_text())
    assert set(values) == {"schema_version", "key", "tensors", "float_layers", "biases"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("float_layers", "head"),
        ("float_layers", [1]),
        ("biases", {"stem": []}),
        ("biases", {"stem": [float("nan")]}),
        ("biases", {"stem": ["x"]}),
        ("biases", []),
    ],
)
def test_what_is_none_of_it_is_refused(
    tmp_path: Path, model: onnx.ModelProto, scales: Scales, field: str, value: object
) -> None:
    path = tmp_path / "scales.json"
    write_scales(path, engine_scales(model, scales))
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(Exception, match=r"scales in .*scales.json"):
        read_scales(path)


def test_ranges_cover_all_that_int8_layers_read_and_make(model: onnx.ModelProto) -> None:
    """By hand: everything up to what the head reads."""
    found = set(ranged_tensors(model))
    nodes = {node.name or node.output[0]: node for node in model.graph.node}
    touched = {nodes[name].input[0] for name in (*LAYERS, HEAD)}
    touched |= {nodes[name].output[0] for name in LAYERS}
    assert touched <= found
    assert nodes[HEAD].output[0] not in found
