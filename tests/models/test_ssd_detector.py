import numpy as np
import pytest
import torch

from edgedet.models.box_codes import CentreLogCode, TopLeftLinearCode
from edgedet.models.receptive_field import receptive_fields
from edgedet.models.registry import build_model
from edgedet.models.samplers import BasicSampler, DynamicNegativeSampler
from edgedet.models.ssd_detector import ssd_detector
from edgedet.models.ssd_options import SsdOptions
from edgedet.runtime.errors import UsageError

NAMES = ("unripe", "semi", "ripe")


def build(**options):
    return ssd_detector(NAMES, SsdOptions(**{"imgsz": 64, **options}))


@pytest.mark.parametrize(("taps", "expected"), [("paper", 1_750_688), ("code", 1_859_232)])
def test_parameter_counts_of_section_2(taps, expected):
    assert sum(p.numel() for p in build(taps=taps).parameters()) == expected


@pytest.mark.parametrize(
    ("name", "options", "fields"),
    [
        ("scale_aware_ssd", {}, (43, 107, 139, 203)),
        ("scale_aware_ssd", {"preset": "code"}, (59, 171, 203, 267)),
        ("ssd_mobilenetv2", {}, (267, 491, 555, 683)),
    ],
)
def test_fields_by_name(name, options, fields):
    model = build_model(name, NAMES, {"imgsz": 64, **options})
    assert tuple(f.size for f in receptive_fields(model.maps)) == fields


def test_the_default_size_has_the_anchors_of_section_2():
    with torch.device("meta"):
        model = ssd_detector(NAMES, SsdOptions())
    assert model.anchors_xyxy.shape == (4096 + 1024 + 256 + 64, 4)


def test_defaults_are_column_three_of_section_8():
    criterion = build().criterion
    rule = criterion.rule
    assert (rule.positive_iou, rule.negative_iou, rule.forced_iou, rule.tie) == (
        0.4,
        0.4,
        0.2,
        1e-5,
    )
    assert isinstance(criterion.code, CentreLogCode)
    assert isinstance(criterion.sampler, DynamicNegativeSampler)
    assert (criterion.plus_one, criterion.double_softmax) == (False, False)


def test_options_reach_what_they_set():
    model = build(
        box_code="topleft_linear",
        sampler="basic",
        negative_ratio=1.0,
        positive_iou=0.5,
        forced_iou=0.1,
        iou_plus_one=True,
        double_softmax=True,
        frozen_blocks=3,
        class_weights=(1.0, 4.0, 3.7),
        mean=(0.1, 0.2, 0.3),
        std=(0.4, 0.5, 0.6),
        resize="letterbox",
        top_k=7,
        score_threshold=0.3,
        nms_iou=0.6,
    )
    criterion, spec = model.criterion, model.spec
    assert isinstance(criterion.code, TopLeftLinearCode)
    assert isinstance(criterion.sampler, BasicSampler)
    assert criterion.sampler.ratio == 1.0
    assert (criterion.rule.positive_iou, criterion.rule.negative_iou) == (0.5, 0.5)
    assert criterion.rule.forced_iou == 0.1
    assert criterion.plus_one
    assert criterion.double_softmax
    assert not any(p.requires_grad for p in model.maps.trunk.stages[0][:4].parameters())
    assert model.class_weights.tolist() == pytest.approx([1, 1, 4, 3.7])
    assert model.eval().predict(torch.zeros(1, 3, 64, 64))[1].shape == (1, 7)
    assert (spec.mean, spec.std, spec.resize) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "letterbox")
    assert (spec.score_threshold, spec.nms_iou) == (0.3, 0.6)


@pytest.mark.parametrize("measure", ["side", "diagonal"])
def test_anchor_sides(measure):
    anchors = build(anchors=(20, 41, 81, 164), anchor_measure=measure).anchors_xyxy
    sides = np.unique((anchors[:, 2] - anchors[:, 0]).numpy().round(3))
    factor = 1 if measure == "side" else 2**-0.5
    assert sides == pytest.approx(np.array([20, 41, 81, 164]) * factor, abs=1e-2)


@pytest.mark.parametrize("sizes", [(), (25.0, ()), (25.0, (38.0, 0.0)), (25.0, ((38.0,),)), 25.0])
def test_what_is_no_anchor(sizes):
    with pytest.raises(UsageError, match="anchors to be a list of positive numbers or lists"):
        build(anchors=sizes)


def test_fewer_levels_than_taps():
    with pytest.raises(UsageError, match="at least 3 levels, one a tap, found anchors for 2"):
        build(taps=(3, 5, 8), anchors=(25.0, 38.0))


@pytest.mark.parametrize("weights", [(1.0, 2.0), (1.0,) * 4, (1.0, 0.0, 2.0), (1, -1, 1), "auto"])
def test_class_weights_must_fit_the_classes(weights):
    with pytest.raises(UsageError, match="class_weights.*positive numbers, one a class"):
        build(class_weights=weights)


def test_one_class_has_one_weight():
    model = ssd_detector(("tomato",), SsdOptions(imgsz=64, class_weights=(2.0,)))
    assert model.class_weights.tolist() == [1.0, 2.0]
