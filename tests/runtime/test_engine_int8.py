"""INT8 engines on fakes of TensorRT: what is said to it, and what is refused."""

import json
import logging
from pathlib import Path

import pytest
from fake_tensorrt import VERSIONS, Faults, fake_tensorrt, fake_tensorrt_rtx

from edgedet.runtime import (
    DeviceError,
    ModelError,
    UsageError,
    build_engine,
    engine_builder,
    engine_cache,
    engine_job,
)
from edgedet.runtime.engine_builder import engine_from_onnx
from edgedet.runtime.engine_file import read_engine_facts
from edgedet.runtime.engine_options import EngineOptions
from edgedet.runtime.gpu_identity import Gpu
from edgedet.runtime.int8_network import _learned_by_name
from edgedet.runtime.int8_scales import load_scales, scales_to_json
from edgedet.runtime.network_layers import layers_of as network_layers
from edgedet.runtime.onnx_facts import layer_outputs
from edgedet.runtime.tensorrt_flavour import Flavour, capabilities_of
from edgedet.runtime.tensorrt_log import new_log

np = pytest.importorskip("numpy")

GOLDEN = Path(__file__).parent.parent / "golden"
ONNX, QDQ = GOLDEN / "tiny_int8.onnx", GOLDEN / "tiny_int8.qdq.onnx"
SCALES = GOLDEN / "tiny_int8.scales.json"
XAVIER = Gpu("Xavier", "7.2")
WEAK = [version for version, number in VERSIONS.items() if number < (11, 0)]
INT8 = EngineOptions("int8")
BODY = ["/body/stem/Conv", "/body/stem/Relu", "/body/mix/Conv", "/body/Add", "/body/back/Conv"]


@pytest.fixture(autouse=True)
def xavier(tmp_path, monkeypatch):
    monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(engine_job, "find_gpu", lambda: XAVIER)
    monkeypatch.setattr(engine_builder, "machine_memory", lambda: None)
    monkeypatch.setattr("edgedet.runtime.engine_gate.find_gpu", lambda: None)


def opened(version, faults=None):
    trt = fake_tensorrt(version, faults)
    return Flavour(trt, "tensorrt", version, capabilities_of(trt), new_log(trt))


def opened_rtx():
    trt = fake_tensorrt_rtx()
    return Flavour(trt, "tensorrt_rtx", trt.__version__, capabilities_of(trt), new_log(trt))


def build(folder, flavour, options=INT8, onnx=ONNX, scales=SCALES):
    return engine_from_onnx(onnx, folder / "a.engine", flavour, options, scales=scales)


def layers_of(folder):
    return dict(json.loads((folder / "a.engine").read_bytes()[32:].decode("ascii"))["layers"])


def network_of(flavour):
    return flavour.module.seen.networks[-1]


def tensors_of(network):
    found = {tensor.name: tensor for tensor in network.inputs}
    for layer in network.layers:
        found.update((t.name, t) for side in layer.tensors for t in side)
    return found


def changed_scales(folder, **changes):
    """A scales.json with other content."""
    path = folder / "changed.json"
    path.write_text(json.dumps(scales_to_json(load_scales(SCALES)._replace(**changes))))
    return path


@pytest.mark.parametrize("version", WEAK)
def test_the_body_is_int8_the_head_fp16_and_the_tail_fp32(version, tmp_path):
    flavour = opened(version)
    facts = build(tmp_path, flavour)
    layers = layers_of(tmp_path)
    assert [layers[name] for name in BODY] == ["Int8"] * 5
    assert layers["/head/Conv"] == layers["/head/Reshape"] == layers["/head/Transpose"] == "FP16"
    assert [layers["/decode/" + name] for name in ("Sigmoid", "TopK", "Scale")] == ["FP32"] * 3
    assert "Int8" not in [kind for name, kind in layers.items() if name not in BODY]
    flags = {flag.name for flag in flavour.module.seen.configs[-1].flags}
    assert flags == {"INT8", "FP16", "OBEY_PRECISION_CONSTRAINTS"}
    assert (facts.precision, facts.precision_used, facts.layers_int8) == ("int8", "int8", 5)
    assert facts.precision_source == "inspector"


@pytest.mark.parametrize("version", WEAK)
def test_every_tensor_that_int8_layers_touch_has_its_range(version, tmp_path):
    """Said independently of the rule: all activations of the body and the input, by hand."""
    flavour = opened(version)
    facts = build(tmp_path, flavour)
    ranges = {n: t.range for n, t in tensors_of(network_of(flavour)).items() if t.range}
    amax = {n: v["amax"] for n, v in json.loads(SCALES.read_text())["tensors"].items()}
    touched = ["images", "stem", "stem_relu", "mixed", "sum", "back"]
    assert ranges == {name: (-amax[name], amax[name]) for name in touched}
    assert facts.quantised["ranges"] == 6
    assert (facts.quantised["without_range"], facts.quantised["helpers"]) == ([], 0)
    assert set(facts.quantised["unused"]) == set(amax) - set(touched)


def test_biases_are_those_of_the_scales(tmp_path):
    """By which the mean of each sum is as in FP32."""
    flavour = opened("8.5.2.2")
    facts = build(tmp_path, flavour)
    said = json.loads(SCALES.read_text())["biases"]
    found = {
        layer.name: layer.bias for layer in network_of(flavour).layers if hasattr(layer, "bias")
    }
    assert sorted(found) == sorted(said) == [BODY[4], BODY[2], BODY[0]]
    for name, bias in found.items():
        assert bias.dtype == np.float32
        assert bias.tolist() == np.array(said[name], dtype="float32").tolist()
    assert facts.quantised["biases"] == 3


def test_what_the_gate_sent_back_stays_in_float(tmp_path):
    kept = ["/head/Conv", "/body/mix/Conv"]
    scales = changed_scales(tmp_path, float_layers=kept)
    facts = build(tmp_path, opened("8.5.2.2"), scales=scales)
    layers = layers_of(tmp_path)
    assert [layers[name] for name in kept] == ["FP16", "FP16"]
    assert layers["/body/stem/Conv"] == layers["/body/back/Conv"] == "Int8"
    assert (facts.layers_int8, facts.quantised["held"]) == (4, 2)


def test_without_fast_fp16_what_is_no_int8_is_fp32(tmp_path):
    build(tmp_path, opened("8.5.2.2", Faults(slow_fp16=True)))
    layers = layers_of(tmp_path)
    assert layers["/body/mix/Conv"] == "Int8"
    assert layers["/head/Conv"] == "FP32"
    assert "FP16" not in layers.values()


def test_tensors_without_a_scale_are_listed_and_told(tmp_path, caplog):
    caplog.set_level(logging.INFO, "edgedet.engine")
    tensors = dict(load_scales(SCALES).tensors)
    del tensors["mixed"]
    renames = {"sum": "(Unnamed Layer* 7) [ElementWise]_output"}
    flavour = opened("8.5.2.2", Faults(renames=lambda name: renames.get(name, name)))
    facts = build(tmp_path, flavour, scales=changed_scales(tmp_path, tensors=tensors))
    assert facts.quantised["without_range"] == ["mixed"]
    assert (facts.quantised["helpers"], facts.quantised["ranges"]) == (1, 4)
    assert "sum" in facts.quantised["unused"]
    assert "no range of mixed: the layers around stay in floating point" in caplog.text
    assert "Unnamed" not in caplog.text
    assert read_engine_facts(tmp_path / "a.engine").quantised == facts.quantised


def test_the_sidecar_names_the_calibration(tmp_path):
    facts = build(tmp_path, opened("8.5.2.2"))
    assert facts.calibration_id == load_scales(SCALES).calibration_id
    key = load_scales(SCALES).key
    other = changed_scales(tmp_path, key=key._replace(method="mse"))
    assert build(tmp_path, opened("8.5.2.2"), scales=other).calibration_id != facts.calibration_id


def test_other_scales_are_another_engine(tmp_path):
    flavour = opened("8.5.2.2")
    first = build(tmp_path, flavour)
    assert build(tmp_path, flavour) == first
    assert flavour.module.seen.builds == 1
    biases = dict(load_scales(SCALES).biases)
    biases["/body/stem/Conv"] = [0.0] * 4
    second = build(tmp_path, flavour, scales=changed_scales(tmp_path, biases=biases))
    assert second.key != first.key
    assert flavour.module.seen.builds == 2


def test_scales_of_another_model_are_refused(tmp_path):
    other = tmp_path / "other.onnx"
    other.write_bytes(ONNX.read_bytes() + b"\x72\x00")
    flavour = opened("8.5.2.2")
    with pytest.raises(UsageError) as caught:
        build(tmp_path, flavour, onnx=other)
    message = str(caught.value)
    assert "those of another model ({}...)".format(load_scales(SCALES).key.model_sha256[:12]) in (
        message
    )
    assert "edgedet export other.onnx --int8" in message
    assert flavour.module.seen.networks == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"float_layers": ["/head/Conv", "/gone"]}, "a layer /gone of the network"),
        ({"biases": {"/body/gone": [1.0]}}, "a layer /body/gone of the network"),
        (
            {"biases": {"/body/mix/Conv": [1.0]}},
            "the 4 channels of /body/mix/Conv, found 1",
        ),
    ],
)
def test_scales_that_speak_of_other_layers(changes, message, tmp_path):
    with pytest.raises(ModelError, match=message):
        build(tmp_path, opened("8.5.2.2"), scales=changed_scales(tmp_path, **changes))
    assert not list(tmp_path.glob("*.engine"))


def test_layers_that_tensorrt_calls_otherwise_are_found_by_what_they_make(tmp_path):
    """As TensorRT 10 does with nodes that have no name."""
    content = ONNX.read_bytes()
    assert content.count(b"/body/mix/Conv") == 1
    unnamed = tmp_path / "other.onnx"
    unnamed.write_bytes(content.replace(b"/body/mix/Conv", b"node_of_/body_"))
    flavour = opened("10.3.0")
    network = flavour.module.INetworkDefinition(0)
    flavour.module.OnnxParser(network, flavour.log).parse_from_file(str(unnamed))
    outputs = dict(layer_outputs(ONNX))
    found = _learned_by_name(network_layers(network), outputs)
    assert found["/body/mix/Conv"].name == "node_of_/body_"
    outputs["/body_"] = "elsewhere"
    found = _learned_by_name(network_layers(network), outputs)
    assert found["/body_"].name == "node_of_/body_"


@pytest.mark.parametrize(
    ("gpu", "boards"),
    [
        (Gpu("NVIDIA Tegra X1", "5.3"), "Jetson Nano 4GB, Jetson Nano 2GB, Jetson TX1"),
        (Gpu("NVIDIA Tegra X2", "6.2"), "Jetson TX2"),
    ],
)
def test_boards_without_int8_are_refused_before_anything(gpu, boards, tmp_path, monkeypatch):
    monkeypatch.setattr(engine_job, "find_gpu", lambda: gpu)
    flavour = opened("8.2.1.8")
    for scales in (SCALES, None, tmp_path / "absent.json"):
        with pytest.raises(DeviceError) as caught:
            build(tmp_path, flavour, scales=scales)
        message = str(caught.value)
        assert "a GPU that computes in INT8" in message
        for board in boards.split(", "):
            assert board in message
        assert "without the DP4A instruction" in message
        assert "--precision fp16" in message
    assert flavour.module.seen.networks == []


def test_a_gpu_that_tensorrt_says_has_no_int8(tmp_path):
    with pytest.raises(DeviceError, match="computes in INT8, found one that does not; .*fp16"):
        build(tmp_path, opened("8.5.2.2", Faults(slow_int8=True)))


def test_an_int8_engine_without_int8_is_refused(tmp_path):
    with pytest.raises(ModelError, match="an engine in INT8, as was asked, .* 0 in INT8"):
        build(tmp_path, opened("8.5.2.2", Faults(ignores_int8=True)))
    assert not list(tmp_path.glob("*.engine"))


@pytest.mark.parametrize(
    ("onnx", "options", "scales", "message"),
    [
        (ONNX, INT8, None, "the scales.json of .*tiny_int8.onnx for INT8 .*edgedet export tiny"),
        (QDQ, INT8, SCALES, "scales with a model in FP32, found .*with Q/DQ in it"),
        (ONNX, EngineOptions("fp16"), SCALES, "precision int8 with scales, found precision fp16"),
    ],
)
def test_scales_where_they_have_no_place(onnx, options, scales, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        build(tmp_path, opened("10.3.0"), options, onnx, scales)


@pytest.mark.parametrize("precision", ["fp16", "fp32"])
def test_a_graph_with_int8_in_it_is_int8(precision, tmp_path):
    for flavour in (opened("10.3.0"), opened("11.4.0")):
        with pytest.raises(ModelError, match="a model without INT8 for precision " + precision):
            build(tmp_path, flavour, EngineOptions(precision), QDQ, None)


@pytest.mark.parametrize("version", ["8.5.2.2", "10.3.0"])
def test_q_dq_is_taken_by_flags_as_well(version, tmp_path):
    flavour = opened(version)
    facts = build(tmp_path, flavour, onnx=QDQ, scales=None)
    layers = layers_of(tmp_path)
    assert layers["/body/mix/Conv"] == "Int8"
    assert layers["/decode/Scale"] == "FP32"
    assert not [t for t in tensors_of(network_of(flavour)).values() if t.range]
    assert (facts.precision_used, facts.quantised) == ("int8", None)
    assert facts.calibration_id == load_scales(SCALES).calibration_id


@pytest.mark.parametrize("opener", [lambda: opened("11.4.0"), opened_rtx])
def test_where_the_graph_decides_it_has_to_have_q_dq(opener, tmp_path):
    flavour = opener()
    targets = ("8.6",) if flavour.can.compute_targets else ()
    options = EngineOptions("int8", targets)
    facts = build(tmp_path, flavour, options, QDQ, None)
    assert (facts.precision_used, facts.layers_int8, facts.layers_fp32) == ("int8", 3, 1)
    assert facts.precision_source == "network"
    with pytest.raises(ModelError, match=r"a graph in INT8: .* 4 in FP32, .*int8.tensorrt"):
        build(tmp_path, flavour, options, ONNX, None)
    with pytest.raises(UsageError, match="no scales: .* takes INT8 from the graph"):
        build(tmp_path, flavour, options, QDQ, SCALES)


def test_the_form_of_cpus_is_refused(tmp_path):
    onnx = tmp_path / "cpu.onnx"
    content = QDQ.read_bytes()
    marked = content.replace(b'"int8_form": "tensorrt"', b'"int8_form": "cpu"     ')
    assert marked != content
    onnx.write_bytes(marked)
    with pytest.raises(ModelError, match="that of CPUs .*int8.tensorrt.onnx"):
        build(tmp_path, opened("11.4.0"), onnx=onnx, scales=None)


def test_the_command_on_the_device(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(build_engine, "open_flavour", lambda name: opened("8.5.2.2"))
    engine = tmp_path / "model.engine"
    words = [str(ONNX), "--out", str(engine), "--precision", "int8"]
    assert build_engine.main(words) == 2
    assert "--scales" in capsys.readouterr().err
    assert build_engine.main(words + ["--scales", str(SCALES)]) == 0
    assert read_engine_facts(engine).layers_int8 == 5
