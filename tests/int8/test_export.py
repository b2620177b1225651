"""One run of the gate: what passes, what is repaired, what is refused."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from onnx import numpy_helper
from outlier_channel import with_outlier
from self_labelled import write_data

import edgedet.int8.run
from edgedet.calibration.scales_file import read_scales
from edgedet.calibration.trained_ranges import write_trained_ranges
from edgedet.export.metadata import read_spec, write_spec
from edgedet.export.onnx_file import load_onnx, save_onnx
from edgedet.int8.accuracy import Accuracy, Measured
from edgedet.int8.gate import Gate
from edgedet.int8.outputs import model_path
from edgedet.int8.request import Int8Request
from edgedet.int8.run import _best_method, _mended, export_int8
from edgedet.runtime.detector import open_detector
from edgedet.runtime.errors import DataError, ModelError, UsageError
from edgedet.runtime.images import read_image

OUTLIER = 1e4
WIDE = {"max_drop": 30.0, "max_drop_smallest": 30.0}
WIDER = {"max_drop": 60.0, "max_drop_smallest": 60.0}
"""Which every form of the toy holds at once."""


def outlier_of(model: Path, folder: Path) -> Path:
    path = folder / "outlier.onnx"
    save_onnx(with_outlier(load_onnx(model), OUTLIER), path)
    return path


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory, model: Path, data: Path):
    return export_int8(
        Int8Request(model, str(data), tmp_path_factory.mktemp("out"), images=16, **WIDER)
    )


def test_models_that_hold_the_bounds_are_written_and_run(passed, data: Path) -> None:
    assert passed.passed
    frame = read_image(next((data / "images").iterdir()))
    for form in passed.forms:
        assert form.path == model_path(passed.request, form.form)
        with open_detector(form.path) as detector:
            assert detector.spec.provenance["int8_form"] == form.form
            assert len(detector(frame))


def test_the_method_is_the_one_whose_worst_form_is_best(passed) -> None:
    assert len(passed.trials) == 8
    worst = {
        method: min(t.accuracy.ap for t in passed.trials if t.method == method)
        for method in {t.method for t in passed.trials}
    }
    assert worst[passed.method] == max(worst.values())
    assert read_scales(passed.request.out / "scales.json").key.method == passed.method


def test_a_method_that_holds_the_bounds_comes_before_one_with_more_ap() -> None:
    """Else a model would be repaired, or refused, which needs neither."""

    def found(ap: float, small: float) -> Measured:
        return Measured(Accuracy(ap, {}, {"small": small}), {}, [])

    gate = Gate(found(0.5, 0.3).accuracy, 1.0, 2.0, "small", {"small": 40})
    plain = {("tensorrt", "minmax"): found(0.494, 0.29), ("cpu", "minmax"): found(0.495, 0.3)}
    plain |= {("tensorrt", "mse"): found(0.499, 0.3), ("cpu", "mse"): found(0.498, 0.27)}
    assert _best_method(plain, gate) == "minmax"
    plain["cpu", "minmax"] = found(0.48, 0.3)
    assert _best_method(plain, gate) == "mse"  # none holds them: the best to be repaired


def test_the_accuracy_of_fp32_is_told_by_class(passed) -> None:
    assert passed.gate.reference.ap > 0.7
    assert set(passed.gate.reference.per_class) == {"cat", "dog", "hen"}


def test_the_report_is_plain_json_and_markdown(passed) -> None:
    written = json.loads((passed.request.out / "int8.json").read_text())
    assert written == passed.to_json()
    assert written["passed"]
    assert json.dumps(written, allow_nan=False)
    text = (passed.request.out / "int8.md").read_text()
    assert "passed" in text.splitlines()[0]
    forms = ("INT8 for TensorRT", "INT8 for CPUs")
    for told in ("FP16", *forms, "small", "hen", "percentile", "biases corrected"):
        assert told in text
    for name in ("int8.png", "int8_layers.png", "int8_histograms.png"):
        assert f"({name})" in text
        assert (passed.request.out / name).read_bytes().startswith(b"\x89PNG")


def test_tensors_come_the_worst_first_with_the_clips_of_all_methods(passed) -> None:
    found = [tensor.snr_db for tensor in passed.tensors]
    assert found == sorted(found)
    scales = read_scales(passed.request.out / "scales.json")
    for tensor in passed.tensors:
        assert set(tensor.clips) == {"minmax", "entropy", "percentile", "mse"}
        assert tensor.clips[passed.method] == scales.amax[tensor.tensor]
        assert max(tensor.clips.values()) == tensor.clips["minmax"]


def test_layers_are_compared_from_both_sides_though_nothing_had_to_be_repaired(passed) -> None:
    for form in passed.forms:
        assert len(form.sensitivity.losses) == form.layers
        assert all(loss.kept_db is not None for loss in form.sensitivity.losses)
        assert form.worst is None
        assert [point.float_layers for point in form.curve] == [0, 1, 2]


def test_chance_is_told_beside_what_is_lost(passed) -> None:
    for form in passed.forms:
        assert 0 < form.chance.total < 30
    assert " ± " in (passed.request.out / "int8.md").read_text(encoding="utf-8")


def test_scales_say_what_the_form_for_tensorrt_has_in_its_graph(passed) -> None:
    """Its head in float, and the corrected biases, for a TensorRT that quantises by itself."""
    scales = read_scales(passed.request.out / "scales.json")
    form = next(form for form in passed.forms if form.form == "tensorrt")
    graph = load_onnx(form.path).graph
    constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    convolutions = {node.name: node for node in graph.node if node.op_type == "Conv"}
    assert set(scales.biases) | set(scales.float_layers) == set(convolutions)
    for name, bias in scales.biases.items():
        np.testing.assert_array_equal(
            constants[convolutions[name].input[2]], np.array(bias, np.float32)
        )


def test_the_latency_of_the_form_for_the_cpu_is_measured(passed) -> None:
    forms = {form.form: form.curve[0] for form in passed.forms}
    assert forms["cpu"].latency_ms > 0
    assert forms["cpu"].fp32_latency_ms > 0
    assert forms["tensorrt"].latency_ms is None


@pytest.mark.usefixtures("without_pictures")
def test_an_outlier_is_caught_and_the_layer_that_reads_it_goes_back_to_float(
    model: Path, data: Path, tmp_path: Path
) -> None:
    bad = outlier_of(model, tmp_path)
    request = Int8Request(
        bad, str(data), tmp_path / "out", images=16, method="minmax", forms=("tensorrt",), **WIDE
    )
    report = export_int8(request)
    (form,) = report.forms
    convolutions = [node.name for node in load_onnx(bad).graph.node if node.op_type == "Conv"]
    assert report.gate.excess(report.trials[0].accuracy) > 0
    assert form.float_layers == (convolutions[2],)
    assert report.gate.passes(form.accuracy)
    assert [point.float_layers for point in form.curve] == [0, 1]
    assert len(form.sensitivity.losses) == form.layers == 3
    worst = {layer.layer: layer for layer in form.worst.layers}[convolutions[2]]
    assert form.worst.fp32 - form.worst.int8 > 0.3
    assert worst.kept - form.worst.int8 > 0.3 < form.worst.fp32 - worst.alone


def test_what_cannot_be_repaired_is_refused_and_nothing_is_left(
    model: Path, data: Path, tmp_path: Path
) -> None:
    """Two black images: nothing that the network computes on others was seen."""
    black = write_data(tmp_path / "black", model, black=2)
    request = Int8Request(model, str(black), tmp_path / "out", **WIDE)
    request.out.mkdir()
    model_path(request, "cpu").write_bytes(b"of a run before")
    with pytest.raises(ModelError, match=r"within the allowed loss.*points of AP lost") as caught:
        export_int8(request)
    assert {path.name for path in request.out.iterdir()} == {
        "statistics.npz",
        "int8.json",
        "int8.md",
        "int8.png",
        "int8_histograms.png",
        "int8_layers.png",
    }
    assert caught.value.facts == json.loads((request.out / "int8.json").read_text())
    assert not caught.value.facts["passed"]
    text = (request.out / "int8.md").read_text()
    assert "REFUSED" in text.splitlines()[0]
    assert "Calibrated on 2 images only" in text
    assert "they show nothing" in text


@pytest.mark.usefixtures("without_pictures")
def test_without_time_nothing_is_repaired(model: Path, data: Path, tmp_path: Path) -> None:
    bad = outlier_of(model, tmp_path)
    request = Int8Request(bad, str(data), tmp_path / "out", budget_minutes=0, method="minmax")
    told = r"0 of 4 layers back in float, when the time was over; .*budget_minutes of --recipe"
    with pytest.raises(ModelError, match=told):
        export_int8(request)


def test_what_has_to_be_repaired_is_not_kept_waiting() -> None:
    """The layers of a form that holds the bounds are compared for the report alone."""
    order = []

    class Mender:
        def __init__(self, form: str) -> None:
            self.form = form

        def run(self, plain: Measured, time_left: Callable[[], bool]) -> str:
            order.append(self.form)
            return self.form

    def found(ap: float) -> Measured:
        return Measured(Accuracy(ap, {}, {}), {}, [])

    gate = Gate(found(0.5).accuracy, 1.0, 1.0, None, {})
    menders = {form: Mender(form) for form in ("tensorrt", "cpu")}
    plain = {"tensorrt": found(0.5), "cpu": found(0.4)}
    assert _mended(menders, plain, gate, lambda: True) == ("tensorrt", "cpu")
    assert order == ["cpu", "tensorrt"]


@pytest.mark.usefixtures("without_pictures")
def test_scales_for_a_tensorrt_that_was_not_measured_are_told(
    passed, model: Path, data: Path, tmp_path: Path
) -> None:
    told = "INT8 for TensorRT was not measured"
    assert not any(told in note for note in passed.notes)
    asked = {"images": 4, "method": "minmax", "forms": ("cpu",), "budget_minutes": 0, **WIDER}
    assert told in export_int8(Int8Request(model, str(data), tmp_path, **asked)).notes[-1]


@pytest.mark.usefixtures("without_pictures")
def test_other_images_in_the_same_folder_are_refused(
    model: Path, data: Path, tmp_path: Path
) -> None:
    """And what the first ones gave stays as it is."""
    asked = {"method": "minmax", "forms": ("tensorrt",), **WIDER}
    request = Int8Request(model, str(data), tmp_path, images=4, **asked)
    report = export_int8(request)
    files = [report.forms[0].path, tmp_path / "scales.json", tmp_path / "int8.md"]
    written = [path.read_bytes() for path in files]
    with pytest.raises(UsageError, match=r"the images \(4, now 5\)"):
        export_int8(replace(request, images=5))
    assert [path.read_bytes() for path in files] == written


def test_a_place_that_is_full_leaves_no_half(
    passed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(passed.request.out / "statistics.npz", tmp_path)
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(edgedet.int8.run, "write_report", Mock(side_effect=full))
    with pytest.raises(OSError, match="No space"):
        export_int8(replace(passed.request, out=tmp_path, method="minmax", budget_minutes=0))
    assert [path.name for path in tmp_path.iterdir()] == ["statistics.npz"]


@pytest.mark.usefixtures("without_pictures")
def test_another_model_or_preprocessing_in_the_same_folder_is_refused(
    model: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    asked = {"images": 4, "method": "minmax", "forms": ("tensorrt",), **WIDER}
    export_int8(Int8Request(model, str(data), out, **asked))
    changed = load_onnx(model)
    write_spec(changed, read_spec(changed)._replace(resize="letterbox"))
    save_onnx(changed, tmp_path / "toy.onnx")
    request = Int8Request(tmp_path / "toy.onnx", str(data), out, **asked)
    with pytest.raises(UsageError, match=r"the model \(SHA-256 .*resize stretch, now letterbox"):
        export_int8(request)
    assert not model_path(request, "tensorrt").exists()
    assert not (out / "scales.json").exists()


def test_the_int8_of_a_model_beside_it_is_not_lost(passed, tmp_path: Path) -> None:
    folder = tmp_path / "both"
    shutil.copytree(passed.request.out, folder)
    shutil.copy(passed.request.model, folder / "toy.onnx")
    other = load_onnx(passed.request.model)
    other.producer_name = "another"
    save_onnx(other, folder / "other.onnx")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    request = replace(passed.request, model=folder / "other.onnx", out=folder)
    with pytest.raises(UsageError, match=r"scales.json of toy.onnx in .*folder of its own"):
        export_int8(request)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "best"},
        {"forms": ("gpu",)},
        {"forms": ()},
        {"split": "all"},
        {"max_drop": -1.0},
        {"max_drop_smallest": float("nan")},
        {"budget_minutes": float("inf")},
    ],
)
def test_wrong_requests_are_told(model: Path, data: Path, tmp_path: Path, wrong: dict) -> None:
    with pytest.raises(UsageError):
        Int8Request(model, str(data), tmp_path, **wrong)


def test_a_model_of_any_batch_size_is_refused_before_it_is_calibrated(
    model: Path, data: Path, tmp_path: Path
) -> None:
    changed = load_onnx(model)
    changed.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
    save_onnx(changed, tmp_path / "toy.onnx")
    with pytest.raises(ModelError, match=r"toy.onnx: float32 .*found float32 \['N', 3, 32, 48\]"):
        export_int8(Int8Request(tmp_path / "toy.onnx", str(data), tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_data_in_which_the_model_finds_nothing(model: Path, data: Path, tmp_path: Path) -> None:
    black = write_data(tmp_path / "black", model, black=2)
    request = Int8Request(
        model, str(black), tmp_path / "out", calibration_split="val", split="train", images=2
    )
    with pytest.raises(DataError, match="finds something"):
        export_int8(request)


@pytest.mark.usefixtures("without_pictures")
def test_the_same_request_gives_the_same_models(model: Path, data: Path, tmp_path: Path) -> None:
    written = []
    for name in ("a", "b"):
        request = Int8Request(
            model,
            str(data),
            tmp_path / name,
            images=8,
            method="entropy",
            forms=("tensorrt",),
            **WIDE,
        )
        written.append(export_int8(request).forms[0].path.read_bytes())
    assert written[0] == written[1]


@pytest.mark.usefixtures("without_pictures")
def test_ranges_of_the_training_win_over_calibrated_ones(
    model: Path, data: Path, tmp_path: Path
) -> None:
    trained = load_onnx(model)
    tensor = next(node for node in trained.graph.node if node.op_type == "Conv").output[0]
    write_trained_ranges(trained, {tensor: 1.25})
    save_onnx(trained, tmp_path / "trained.onnx")
    request = Int8Request(
        tmp_path / "trained.onnx", str(data), tmp_path / "out", images=4, method="minmax", **WIDER
    )
    report = export_int8(request)
    assert read_scales(request.out / "scales.json").amax[tensor] == 1.25
    assert "The ranges of 1 tensors are those of the training in INT8." in report.notes
