import numpy as np
import pytest
import torch
from labelled_cases import annotations, labelled, scattered
from torchvision.ops import box_iou

from edgedet.models.registry import build_model
from edgedet.runtime.errors import DataError, UsageError
from edgedet.scales.advice import advice, remarks
from edgedet.scales.chart import write_chart
from edgedet.scales.fitting import FitRequest, fit_to_objects
from edgedet.scales.shortlist import shortlist
from edgedet.scales.table import table_text
from edgedet.scales.window import DEFAULT, PAPER


@pytest.fixture(scope="module")
def pears():
    """A narrow range of sizes: one anchor a level on four strides serves them badly."""
    return scattered(400, 33, 0.25)


@pytest.fixture(scope="module")
def fitting(pears):
    """Under the paper's window, of which the published designs are."""
    return fit_to_objects(pears, FitRequest(window=PAPER))


def measured_on(model, objects):
    """Best IoU of every object with any anchor that the built detector has."""
    boxes = torch.tensor(objects.boxes_xyxy, dtype=torch.float32)
    return box_iou(boxes, model.anchors_xyxy).amax(dim=1).numpy()


@pytest.mark.parametrize("place", [0, 5, "paper", "original"])
def test_the_measures_are_those_of_the_detector_itself(fitting, place):
    is_name = isinstance(place, str)
    candidate = fitting.published(place) if is_name else fitting.candidates[place]
    model = build_model("scale_aware_ssd", ("pear",), candidate.design.options())
    best = measured_on(model, fitting.objects)
    assert candidate.mean_best_iou == pytest.approx(best.mean(), abs=1e-5)
    assert candidate.worst_best_iou == pytest.approx(best.min(), abs=1e-5)
    assert candidate.p5_best_iou == pytest.approx(np.percentile(best, 5), abs=1e-5)
    assert candidate.share_positive == pytest.approx((best >= 0.4).mean(), abs=3e-3)
    assert candidate.share_matched == pytest.approx((best >= 0.2).mean(), abs=3e-3)
    assert candidate.anchors == len(model.anchors_xyxy)
    assert candidate.parameters == sum(p.numel() for p in model.parameters())


def test_the_fit_beats_the_published_designs(fitting):
    best, paper = fitting.chosen.candidate, fitting.published("paper")
    assert not best.known_as
    assert best.mean_best_iou > paper.mean_best_iou + 0.05
    assert best.macs < paper.macs
    scores = [c.score for c in fitting.candidates]
    assert scores == sorted(scores, reverse=True)
    assert paper.score > fitting.published("code").score > fitting.published("original").score
    assert paper.a_score == pytest.approx(2.316, abs=5e-4)
    assert fitting.published("code").a_score == pytest.approx(3.357, abs=5e-4)


def test_another_window_asks_for_other_fields(fitting, pears):
    wide = fit_to_objects(pears, FitRequest()).chosen.candidate
    assert DEFAULT.holds(wide.design.a_scores).all()
    assert wide.aligned
    assert PAPER.holds(fitting.chosen.candidate.design.a_scores).all()
    assert wide.design.layout.depth > fitting.chosen.candidate.design.layout.depth


def test_narrow_sizes_get_several_anchors_on_a_fine_grid(fitting):
    design = fitting.chosen.candidate.design
    assert min(level.stride for level in design.layout.levels) == 8
    assert max(len(sides) for sides in design.anchors) >= 2


def test_the_order_of_images_changes_nothing(fitting, pears):
    shuffled = annotations(*pears.images[::-1], classes=pears.class_names)
    other = fit_to_objects(shuffled, fitting.request)
    assert other.chosen.model_options() == fitting.chosen.model_options()
    assert other.chosen.candidate.mean_best_iou == fitting.chosen.candidate.mean_best_iou


@pytest.mark.parametrize(("trunk", "median"), [("mobilenet_v3_large", 14), ("resnet18", 120)])
def test_other_trunks_and_sizes(trunk, median):
    data = scattered(100, median, 0.4, classes=2)
    found = fit_to_objects(data, FitRequest(imgsz=320, trunk=trunk, resize="letterbox"))
    options = found.chosen.model_options()
    assert (options["trunk"], options["resize"]) == (trunk, "letterbox")
    model = build_model("ssd_mobilenetv2", ("a", "b"), {**options, "imgsz": 320})
    best = measured_on(model, found.objects)
    assert found.chosen.candidate.mean_best_iou == pytest.approx(best.mean(), abs=1e-5)


def test_one_object_is_enough():
    single = annotations(labelled([[100, 100, 140, 130]]))
    found = fit_to_objects(single, FitRequest())
    assert found.chosen.candidate.mean_best_iou > 0.6
    assert advice(found)
    assert table_text(found)


def test_objects_of_one_size_get_no_anchor_that_none_of_them_is_near():
    same = annotations(labelled([[5, 5, 85, 85], [200, 200, 280, 280]]))
    chosen = fit_to_objects(same, FitRequest()).chosen
    assert chosen.candidate.design.sides == [80]


def test_the_trunk_that_was_asked_for_is_taken_even_if_a_published_design_ranks_higher():
    """Objects that are the paper's anchors; ResNet-18 costs several times the operations."""
    sides = (25, 38, 58, 87)
    centres = (100, 136, 240, 352)
    boxes = [
        [c - s / 2, c - s / 2, c + s / 2, c + s / 2] for c, s in zip(centres, sides, strict=True)
    ]
    found = fit_to_objects(annotations(labelled(boxes)), FitRequest(trunk="resnet18"))
    assert found.chosen.model_options()["trunk"] == "resnet18"


def test_a_narrow_terminal_cuts_no_cell(fitting, monkeypatch):
    monkeypatch.setattr("edgedet.scales.table.PLAIN_WIDTH", 80)
    text = table_text(fitting)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_class_names_that_a_picture_cannot_show(tmp_path, recwarn):
    names = ("_under", "$cash$", "猫")
    boxes = [[9, 9, 500, 500]] * 3
    fitting = fit_to_objects(annotations(labelled(boxes, [0, 1, 2]), classes=names), FitRequest())
    write_chart(tmp_path / "a.svg", fitting)
    assert (tmp_path / "a.svg").stat().st_size > 0
    assert not [warning for warning in recwarn if "Glyph" in str(warning.message)]


def test_published_designs_are_always_shown(fitting):
    shown = shortlist(fitting.candidates)
    assert {c.known_as for c in shown} == {"", "paper", "code", "original"}
    assert shown[0] is fitting.chosen.candidate
    assert len(shown) <= 12


def test_the_report_names_what_was_chosen(fitting):
    text = table_text(fitting)
    assert "the paper's code" in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 160
    best = fitting.chosen.candidate
    assert f"{best.mean_best_iou:.3f}" in text
    assert all(f"block {block}" in advice(fitting) for block in best.design.layout.taps)


def test_small_objects_are_told_with_a_remedy():
    tiny = fit_to_objects(scattered(200, 5, 0.2), FitRequest())
    lines = " ".join(remarks(tiny))
    assert "under 8 px" in lines
    assert "--imgsz" in lines
    assert "tiles" in lines


def test_without_objects_there_is_nothing_to_fit():
    with pytest.raises(DataError, match="labelled objects"):
        fit_to_objects(annotations(labelled([])), FitRequest())


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (FitRequest(model="multiscale_shapes"), "scale_aware_ssd.*no taps and anchors"),
        (FitRequest(model="scale_aware_sd"), "scale_aware_ssd"),
        (FitRequest(trunk="resnet19"), "resnet18"),
        (FitRequest(resize="crop"), "letterbox"),
    ],
)
def test_what_cannot_be_fitted_is_named(pears, request_, words):
    with pytest.raises(UsageError, match=words):
        fit_to_objects(pears, request_)
