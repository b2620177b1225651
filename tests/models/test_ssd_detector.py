import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedet.models.box_codes import CentreLogCode, TopLeftLinearCode
from edgedet.models.receptive_field import receptive_fields
from edgedet.models.registry import build_model
from edgedet.models.samplers import BasicSampler, DynamicNegativeSampler
from edgedet.models.ssd_detector import ssd_anchors, ssd_detector, ssd_maps
from edgedet.models.ssd_options import SsdOptions
from edgedet.models.tap_points import tap_points
from edgedet.models.trunk_networks import TRUNKS
from edgedet.runtime.errors import UsageError

from .slow_references import slow_anchors

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


@st.composite
def ssd_options(draw):
    """Options of an SSD at 64 px with taps, levels, sizes and ratios as they may come."""
    trunk = draw(st.sampled_from(sorted(TRUNKS)))
    blocks = st.integers(1, len(tap_points(trunk)))
    taps = tuple(sorted(draw(st.sets(blocks, min_size=1, max_size=3))))
    size = st.integers(5, 90).map(float)
    entry = st.one_of(size, st.lists(size, min_size=1, max_size=3).map(tuple))
    anchors = draw(st.lists(entry, min_size=len(taps), max_size=len(taps) + 3).map(tuple))
    ratios = draw(st.lists(st.sampled_from((0.5, 1.0, 2.0)), min_size=1, max_size=2, unique=True))
    return SsdOptions(imgsz=64, trunk=trunk, taps=taps, anchors=anchors, ratios=tuple(ratios))


def slow_ssd_anchors(options):
    """Level by level, cell by cell, size by size, ratio by ratio."""
    strides = [tap_points(options.trunk)[block - 1].stride for block in options.taps]
    while len(strides) < len(options.anchors):
        strides.append(strides[-1] * 2)
    levels = []
    for stride, sizes in zip(strides, options.anchors, strict=True):
        sizes = sizes if isinstance(sizes, tuple) else (sizes,)
        shapes = [(s * r**0.5, s / r**0.5) for s in sizes for r in options.ratios]
        levels.append(slow_anchors(options.imgsz, stride, shapes))
    return np.concatenate(levels)


@settings(max_examples=30, deadline=None)
@given(options=ssd_options())
def test_invariant_2_anchors_of_any_set_are_level_cell_size_ratio(options):
    with torch.device("meta"):
        maps = ssd_maps(options)
    found = torch.cat(ssd_anchors(options, maps.strides))
    assert np.allclose(found.numpy(), slow_ssd_anchors(options), atol=1e-4)
    cells = [(-(-64 // stride)) ** 2 for stride in maps.strides]
    sizes = [len(a) if isinstance(a, tuple) else 1 for a in options.anchors]
    per_cell = [n * len(options.ratios) for n in sizes]
    assert len(found) == sum(c * k for c, k in zip(cells, per_cell, strict=True))
    if maps.strides[-1] <= 64:  # further levels have one cell, whose middle may lie outside
        centres = (found[:, :2] + found[:, 2:]) / 2
        assert ((centres > 0) & (centres < 64)).all()


@settings(max_examples=12, deadline=None)
@given(options=ssd_options())
def test_every_set_of_anchors_has_its_outputs(options):
    with torch.device("meta"):
        model = ssd_detector(NAMES, options).eval()
        logits, deltas = model(torch.empty(2, 3, 64, 64))
    assert logits.shape == deltas.shape == (2, 4, len(model.anchors_xyxy))


def test_several_sizes_are_those_of_one_size_side_by_side():
    """Anchor k of a cell is the anchor that the k-th size alone would give."""
    both = ssd_anchors(SsdOptions(imgsz=64, anchors=((20.0, 30.0), 40.0)), (8, 16))[0]
    for k, size in enumerate((20.0, 30.0)):
        alone = ssd_anchors(SsdOptions(imgsz=64, anchors=(size, 40.0)), (8, 16))[0]
        assert torch.equal(both.reshape(-1, 2, 4)[:, k], alone)


def test_a_number_and_a_list_of_it_are_the_same_detector():
    states = []
    for anchors in ((25.0, 38.0, 58.0, 87.0), ((25.0,), (38.0,), (58.0,), (87.0,))):
        torch.manual_seed(0)
        model = build(anchors=anchors)
        states.append({**model.state_dict(), "anchors": model.anchors_xyxy})
    assert list(states[0]) == list(states[1])
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_a_detector_of_the_first_release_is_still_the_same():
    """Keys of checkpoints that were written when there was one trunk and one size a level."""
    keys = list(build().state_dict())
    assert keys[0] == "maps.trunk.stages.0.0.0.weight"
    assert "maps.trunk.stages.0.5.conv.3.weight" in keys
    assert "maps.trunk.stages.1.2.conv.3.running_var" in keys
    others = [key for key in keys if not key.startswith("maps.trunk.")]
    layers = [f"maps.extras.{level}.{layer}" for level in (0, 1) for layer in (0, 2)]
    layers += [f"heads.{level}.conv" for level in range(4)]
    assert others == [f"{layer}.{part}" for layer in layers for part in ("weight", "bias")]
