"""The estimate: what it holds, what it says, and that it is never taken for a measurement."""

import json
import math
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from small_checkpoint import write_checkpoint

from edgedet.cli import main
from edgedet.estimate import estimate_speed
from edgedet.estimate_text import estimate_text
from edgedet.export.from_torch import onnx_from_torch
from edgedet.models.registry import build_model
from edgedet.runtime.devices import device_named
from edgedet.runtime.errors import DeviceError, ModelError
from edgedet.speed_comparison import compare_with_published
from edgedet.speed_table import speed_text

NANO = device_named("nano")
PAPER = {"FRCNN_R50_FPN": 51, "FRCNN_R101_FPN": 31, "Retina_R50": 43, "SSD_MobileNetV2": 153}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    onnx_from_torch(build_model("scale_aware_ssd", ("car",), {"imgsz": 512}), path)
    return path


@pytest.fixture(scope="module")
def report(model):
    return estimate_speed(model, NANO)


def test_it_says_what_it_is(report):
    assert report["kind"] == "estimate"
    assert report["device"] == "Jetson Nano 4GB"
    assert json.loads(json.dumps(report)) == report
    # Nothing that a program could read as a measured speed.
    assert not {"network_only", "engine_call", "frame_to_result", "stages", "fps"} & set(report)


def test_bounds_are_ordered_and_sum_up_from_the_layers(report):
    assert [each["precision"] for each in report["estimates"]] == ["fp32", "fp16"]
    for each in report["estimates"]:
        assert 0 < each["cautious_fps"] < each["at_most_fps"]
        assert each["at_most_fps"] == pytest.approx(1e3 / each["at_most"]["total_ms"], rel=1e-3)
    layers, last = report["layers"], report["estimates"][-1]
    total = sum(layer["cautious_ms"] for layer in layers)
    assert total == pytest.approx(last["cautious"]["total_ms"], rel=1e-3)
    assert sum(layer["macs"] for layer in layers) / 1e9 == pytest.approx(
        report["network"]["gmacs"], abs=1e-4
    )


def test_the_text_is_an_estimate_wherever_one_looks(report):
    text = estimate_text(report)
    assert text.isascii()
    assert text.startswith("ESTIMATE for Jetson Nano 4GB: nothing was measured")
    tables = [block.splitlines()[0] for block in re.split(r"\n\s*\n", text) if block[:1] == "|"]
    assert [("ESTIMATE" in head or "costliest" in head) for head in tables] == [True] * 3
    for part in (
        "assumptions:",
        "the network alone",
        "Winograd",
        "25.6 GB/s",
        "25 us to launch",
        "10% of the peak",
        "50% of the bandwidth",
        "unverified: bandwidth_gbs",
        "no guarantee",
    ):
        assert part in text, part


def test_the_whole_published_table_stands_beside(report):
    comparison = compare_with_published(report)
    rows = {str(r.values["detector"]): r.values["mean_FPS"] for r in comparison.speed}
    assert rows == {**PAPER, "Custom_SSD_OG_pipeline": 200, "Custom_SSD_custom_pipeline": 200}
    text = speed_text(report, comparison)
    assert "8-10 FPS on Jetson Nano" in text
    assert "ESTIMATE for Jetson Nano 4GB" in text
    assert "Jetson Nano 4GB, not here" in text
    assert text.isascii()
    assert "parity" not in text


def test_one_precision_can_be_named(model):
    report = estimate_speed(model, device_named("RTX 3090"), "fp16")
    assert [each["precision"] for each in report["estimates"]] == ["fp16"]
    assert "10 us to launch" in estimate_text(report)


def test_a_precision_that_the_device_lacks_is_refused(model):
    with pytest.raises(DeviceError, match="DP4A"):
        estimate_speed(model, NANO, "int8")


def test_a_checkpoint_is_exported_and_nothing_of_it_stays(tmp_path, monkeypatch):
    checkpoint = write_checkpoint(tmp_path / "model.pt")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    report = estimate_speed(checkpoint, NANO)
    assert report["input_dtype"] == "float32"  # what TensorRT 8.2 takes
    assert report["network"]["layers_with_products"] > 5
    assert list(temporary.glob("edgedet*")) == []
    assert list(tmp_path.glob("*.onnx")) == []


def test_an_engine_has_no_layers_and_the_message_says_what_to_give(tmp_path):
    engine = tmp_path / "model.engine"
    engine.write_bytes(b"plan")
    with pytest.raises(ModelError, match=r"keeps none; give the \.onnx .* \.engine\.json"):
        estimate_speed(engine, NANO)


def test_a_missing_file(tmp_path):
    with pytest.raises(ModelError, match="no such file"):
        estimate_speed(tmp_path / "model.onnx", NANO)


def foreign(path: Path, op: str, weights: tuple[int, ...]) -> Path:
    """A model of one node that carries no spec."""
    value = [onnx.helper.make_tensor_value_info(name, 1, [2, 3, 8, 8]) for name in "xy"]
    nodes = [onnx.helper.make_node(op, ["x", "w"], ["y"], name="only")]
    constant = onnx.helper.make_tensor("w", 1, weights, [0.0] * math.prod(weights))
    graph = onnx.helper.make_graph(nodes, "g", value[:1], value[1:], [constant])
    opset = [onnx.helper.make_opsetid("", 13)]
    path.write_bytes(onnx.helper.make_model(graph, opset_imports=opset).SerializeToString())
    return path


def test_a_foreign_model_without_a_spec(tmp_path):
    report = estimate_speed(foreign(tmp_path / "m.onnx", "Conv", (3, 3, 1, 1)), NANO)
    assert report["builder"] is None
    assert report["batch"] == 2
    assert report["network"]["gmacs"] == round(2 * 3 * 64 * 3 / 1e9, 4)
    text = speed_text(report, compare_with_published(report))
    assert "not recorded in the model" in text


def test_without_a_product_there_is_nothing_to_estimate(tmp_path):
    with pytest.raises(ModelError, match="convolutions or matrix products"):
        estimate_speed(foreign(tmp_path / "m.onnx", "Add", (1,)), NANO)


def test_the_verb(model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["bench", str(model), "--device", "jetson"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("ESTIMATE for Jetson Nano 4GB")
    (written,) = tmp_path.glob("runs/bench/*/bench.json")
    report = json.loads(written.read_text())
    assert report["kind"] == "estimate"
    assert len(report["published"]["rows"]) == 6
    assert main(["bench", str(model), "--device", "RTX 3090", "--json", "--no-compare"]) == 0
    assert json.loads(capsys.readouterr().out)["device"] == "RTX 3090"


def with_einsum(path, name):
    """A graph whose Einsum has that name."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Einsum", ["c", "c"], ["y"], name=name, equation="abc,abc->ab"),
    ]
    given = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 4, 10])
    made = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    weights = onnx.numpy_helper.from_array(np.zeros((5, 4, 3), np.float32), "w")
    graph = helper.make_graph(nodes, "g", [given], [made], [weights])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), str(path))
    return path


def test_names_of_a_foreign_graph_give_a_terminal_no_orders(tmp_path, capsys):
    found = estimate_speed(with_einsum(tmp_path / "m.onnx", "bad\x1b[31m"), NANO)
    assert "products of bad?[31m" in estimate_text(found)
    assert main(["bench", str(tmp_path / "no\x1b[31m.onnx"), "--device", "jetson"]) == 4
    assert "no?[31m.onnx" in capsys.readouterr().err
