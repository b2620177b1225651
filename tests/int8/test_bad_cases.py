"""What goes wrong in the field: an outlier channel, black images, two images. The gate catches it,
and either the repair brings it back or nothing is exported.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from outlier_channel import with_outlier
from self_labelled import write_data

from edgedet.export.onnx_file import load_onnx, save_onnx
from edgedet.int8.report import Int8Report
from edgedet.int8.request import Int8Request
from edgedet.int8.run import export_int8
from edgedet.runtime.errors import ModelError

pytestmark = pytest.mark.usefixtures("without_pictures")
ALLOWED = {"max_drop": 30.0, "max_drop_smallest": 30.0}
"""The toy has random weights: INT8 costs it 10 to 25 points as it is."""


def export(model: Path, data: Path, out: Path, **asked) -> Int8Report | ModelError:
    """Return the report, or the error of a refusal."""
    try:
        return export_int8(Int8Request(model, str(data), out, **{**ALLOWED, **asked}))
    except ModelError as error:
        return error


def nothing_is_left(out: Path) -> bool:
    """Whether a refusal left no model and no scales behind."""
    return not list(out.glob("*.onnx")) and not (out / "scales.json").exists()


def caught_and_ended_well(found: Int8Report | ModelError, form: str) -> bool:
    """Whether the bound was broken by INT8 as it was, and holds in what was exported, if anything
    was.
    """
    if isinstance(found, ModelError):
        facts = found.facts
        lost = facts["fp32"]["ap"] - facts["trials"][0]["accuracy"]["ap"]
        told = "points of AP lost" in str(found) and "\n" not in str(found)
        return told and 100 * lost > ALLOWED["max_drop"]
    trial = next(trial for trial in found.trials if trial.form == form)
    ended = next(each for each in found.forms if each.form == form)
    return not found.gate.passes(trial.accuracy) and found.gate.passes(ended.accuracy)


@pytest.mark.parametrize(
    ("form", "method"),
    [
        pytest.param("tensorrt", "minmax", marks=pytest.mark.slow),
        pytest.param("cpu", "minmax", marks=pytest.mark.slow),
        ("tensorrt", "entropy"),
        ("cpu", "mse"),
    ],
)
def test_an_outlier_channel(model: Path, data: Path, tmp_path: Path, form: str, method: str):
    bad = tmp_path / "outlier.onnx"
    save_onnx(with_outlier(load_onnx(model), 1e4), bad)
    found = export(bad, data, tmp_path / "out", images=8, method=method, forms=(form,))
    assert caught_and_ended_well(found, form)
    assert isinstance(found, Int8Report) or nothing_is_left(tmp_path / "out")


@pytest.mark.parametrize("method", ["entropy", "minmax"])
def test_black_images(model: Path, tmp_path: Path, method: str) -> None:
    black = write_data(tmp_path / "black", model, black=8)
    found = export(model, black, tmp_path / "out", method=method, forms=("tensorrt",))
    assert caught_and_ended_well(found, "tensorrt")
    assert isinstance(found, Int8Report) or nothing_is_left(tmp_path / "out")
    told = (tmp_path / "out" / "int8.md").read_text(encoding="utf-8")
    assert "All pixels of these images are alike: they show nothing." in told


def test_two_images_only_are_told_and_judged_by_what_they_cost(
    model: Path, data: Path, tmp_path: Path
) -> None:
    """Two images may do: the gate judges the model, not the number of images."""
    found = export(model, data, tmp_path, images=2, method="minmax", forms=("tensorrt",))
    told = (tmp_path / "int8.md").read_text(encoding="utf-8")
    assert "Calibrated on 2 images only: better are 100 or more." in told
    if isinstance(found, Int8Report):
        assert found.images == 2
        assert found.gate.passes(found.forms[0].accuracy)
    else:
        assert nothing_is_left(tmp_path)
