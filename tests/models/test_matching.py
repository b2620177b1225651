import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torchvision.ops import box_iou

from edgedet.data.shapes import draw_scene
from edgedet.data.shapes_options import ShapesOptions
from edgedet.models.anchors import grid_anchors
from edgedet.models.matching import (
    IGNORED,
    NEGATIVE,
    MatchRule,
    canonical_order,
    iou_plus_one,
    match,
    match_boxes,
)

from .box_strategies import boxes_xyxy, targets
from .slow_references import slow_anchors, slow_iou, slow_match

SSD = MatchRule(0.4, 0.4, 0.2)
SHAPES = MatchRule(0.5, 0.3, 0.0, tie=None)
RULES = (SSD, SHAPES, MatchRule(0.6, 0.2, 0.3), MatchRule(0.5, 0.5, 0.0))

SHAPES_SIDES = ((16, 24, 32), (48, 64, 96), (96, 128, 192))
SHAPES_STRIDES = (4, 8, 16)


ONE_SIZE = ((25,), (38,), (58,), (87,))
SEVERAL_SIZES = ((18, 25), (38,), (50, 58, 70), (87,))


def ssd_anchors(side: int, sizes=ONE_SIZE) -> torch.Tensor:
    levels = [
        slow_anchors(side, d, [(a, a) for a in level])
        for d, level in zip((8, 16, 32, 64), sizes, strict=True)
    ]
    return torch.from_numpy(np.concatenate(levels)).float()


def shapes_anchors() -> list[torch.Tensor]:
    return [
        grid_anchors((224, 224), d, torch.tensor([(s, s) for s in sides]).float())
        for d, sides in zip(SHAPES_STRIDES, SHAPES_SIDES, strict=True)
    ]


@st.composite
def iou_matrices(draw):
    """[A, G] of few distinct values, some a hair apart: within the tie of 1e-5, or outside."""
    anchors, objects = draw(st.integers(1, 8)), draw(st.integers(0, 5))
    value = st.integers(0, 16).map(lambda n: n / 16)
    shift = st.sampled_from((0.0, 0.0, 4e-6, 3e-5))
    cells = [[min(1.0, draw(value) + draw(shift)) for _ in range(objects)] for _ in range(anchors)]
    return np.array(cells, dtype=np.float32).reshape(anchors, objects)


@settings(max_examples=200, deadline=None)
@given(iou=iou_matrices(), rule=st.sampled_from(RULES))
def test_matcher_equals_the_slow_one(iou, rule):
    expected = slow_match(iou, rule.positive_iou, rule.negative_iou, rule.forced_iou, rule.tie)
    assert match(torch.from_numpy(iou), rule).tolist() == expected


@pytest.mark.parametrize(
    ("iou", "rule", "expected"),
    [
        ([[0.4], [0.39]], SSD, [0, NEGATIVE]),
        ([[0.5], [0.49], [0.3], [0.29]], SHAPES, [0, IGNORED, IGNORED, NEGATIVE]),
        # Below .4 everywhere: the best is forced, and what ties with it.
        ([[0.3], [0.300004], [0.2999], [0.1]], SSD, [0, 0, NEGATIVE, NEGATIVE]),
        ([[0.3], [0.3], [0.1]], SHAPES, [0, IGNORED, NEGATIVE]),
        # Below .2 everywhere: unmatched. The shapes rule forces at any overlap.
        ([[0.19], [0.1]], SSD, [NEGATIVE, NEGATIVE]),
        ([[0.19], [0.1]], SHAPES, [0, NEGATIVE]),
        ([[0.2], [0.1]], SSD, [0, NEGATIVE]),
        # Two objects want one anchor: the higher IoU, then the first.
        ([[0.5, 0.6], [0.45, 0.1]], SSD, [1, 0]),
        ([[0.5, 0.5]], SSD, [0]),
        # A forced match wins over an ordinary one, and the higher of two forced ones.
        ([[0.9, 0.3], [0.8, 0.1]], SSD, [1, 0]),
        ([[0.3, 0.35], [0.1, 0.1]], SSD, [1, NEGATIVE]),
    ],
)
def test_hand_cases(iou, rule, expected):
    assert match(torch.tensor(iou), rule).tolist() == expected


@pytest.mark.parametrize("rule", RULES)
def test_without_objects_everything_is_background(rule):
    anchors = ssd_anchors(64)
    found = match_boxes(anchors, torch.zeros(0, 4), rule)
    assert found.dtype == torch.int64
    assert found.tolist() == [NEGATIVE] * len(anchors)
    assert match_boxes(anchors, torch.zeros(0, 4), rule, plus_one=True).tolist() == found.tolist()


@settings(max_examples=50, deadline=None)
@given(boxes=boxes_xyxy(max_boxes=8), rule=st.sampled_from(RULES))
def test_boxes_are_matched_by_their_iou(boxes, rule):
    anchors = ssd_anchors(128)
    owner = match_boxes(anchors, boxes, rule).numpy()
    iou = np.array([[slow_iou(a, b) for b in boxes.numpy()] for a in anchors.numpy()])
    assert set(owner) <= {NEGATIVE, IGNORED, *range(len(boxes))}
    if len(boxes):
        best = iou.max(axis=1)
        assert (best[owner == NEGATIVE] < rule.negative_iou + 1e-6).all()
        assert (best[owner == IGNORED] >= rule.negative_iou - 1e-6).all()
        assert (best[owner == IGNORED] < rule.positive_iou + 1e-6).all()
        assert (owner[best > rule.positive_iou + 1e-6] >= 0).all()


@settings(max_examples=60, deadline=None)
@given(boxes=boxes_xyxy(max_boxes=8, smallest=10), sizes=st.sampled_from((ONE_SIZE, SEVERAL_SIZES)))
def test_invariant_3_objects_own_an_anchor_unless_a_better_claim_took_it(boxes, sizes):
    """A better claim: a forced match of another object, or a higher IoU (spec 4)."""
    assume(len(boxes) > 0)
    iou = box_iou(ssd_anchors(128, sizes), boxes).numpy()
    owner = match(torch.from_numpy(iou), SSD).numpy()
    needs_force = iou.max(axis=0) < SSD.positive_iou
    for g in range(len(boxes)):
        if iou[:, g].max() < SSD.forced_iou or (owner == g).any():
            continue
        wanted = np.flatnonzero(iou[:, g] >= min(SSD.positive_iou, iou[:, g].max()))
        for a in wanted:
            other = owner[a]
            assert other >= 0
            outranked = needs_force[other] and not needs_force[g]
            assert outranked or iou[a, other] >= iou[a, g]


def owned_boxes(anchors, target, rule):
    """What each anchor answers for, as values rather than indices."""
    order = canonical_order(target.boxes_xyxy, target.labels)
    boxes, labels = target.boxes_xyxy[order], target.labels[order]
    owner = match_boxes(anchors, boxes, rule).tolist()
    return [(*boxes[o].tolist(), labels[o].item()) if o >= 0 else o for o in owner]


@settings(max_examples=40, deadline=None)
@given(target=targets(max_boxes=7), rule=st.sampled_from(RULES), seed=st.integers(0, 99))
def test_invariant_3_the_order_of_objects_does_not_matter(target, rule, seed):
    torch.manual_seed(seed)
    shuffle = torch.randperm(len(target.labels))
    shuffled = type(target)(target.boxes_xyxy[shuffle], target.labels[shuffle])
    anchors = ssd_anchors(128)
    assert owned_boxes(anchors, target, rule) == owned_boxes(anchors, shuffled, rule)


@settings(max_examples=40, deadline=None)
@given(target=targets(max_boxes=8))
def test_canonical_order_sorts_by_coordinates_then_label(target):
    order = canonical_order(target.boxes_xyxy, target.labels)
    rows = [
        (*box, label)
        for box, label in zip(target.boxes_xyxy.tolist(), target.labels.tolist(), strict=True)
    ]
    assert [rows[i] for i in order.tolist()] == sorted(rows)


@pytest.mark.parametrize(
    ("shift", "plain", "code"),
    [(0, 1, 1.177700), (10, 0.428571, 0.498801), (12, 0.351351, 0.410835), (25, 0, 0.021242)],
)
def test_worked_example_9_1(shift, plain, code):
    box = torch.tensor([[100.0, 100.0, 125.0, 125.0]])
    moved = box + torch.tensor([float(shift), 0, float(shift), 0])
    assert box_iou(box, moved).item() == pytest.approx(plain, abs=1e-6)
    assert iou_plus_one(box, moved).item() == pytest.approx(code, abs=1e-6)


def test_worked_example_9_1_of_87_px():
    box = torch.tensor([[0.0, 0.0, 87.0, 87.0]])
    assert iou_plus_one(box, box).item() == pytest.approx(1.047336, abs=1e-6)


def test_plus_one_lowers_the_effective_threshold():
    anchor = torch.tensor([[100.0, 100.0, 125.0, 125.0]])
    moved = anchor + torch.tensor([12.0, 0, 12.0, 0])
    strict = MatchRule(0.4, 0.4, 0.4)
    assert match_boxes(anchor, moved, strict).tolist() == [NEGATIVE]
    assert match_boxes(anchor, moved, strict, plus_one=True).tolist() == [0]


@settings(max_examples=40, deadline=None)
@given(a=boxes_xyxy(max_boxes=4), b=boxes_xyxy(max_boxes=4))
def test_plus_one_equals_its_definition(a, b):
    found = iou_plus_one(a, b)
    for i, p in enumerate(a.tolist()):
        for j, q in enumerate(b.tolist()):
            width = max(0, min(p[2], q[2]) - max(p[0], q[0]) + 1)
            height = max(0, min(p[3], q[3]) - max(p[1], q[1]) + 1)
            areas = sum((r[2] - r[0]) * (r[3] - r[1]) for r in (p, q))
            union = areas - width * height
            assume(union != 0)
            assert found[i, j].item() == pytest.approx(width * height / union, rel=1e-5)


# Worst and mean as this sweep finds them. They are the spec's but for the means of 20 and 25 px,
# where it prints .591 and .715: steps of 1, 1/2, 1/4 and 1/8 px agree within .003 on these.
REACHED = {
    12: (0.230, 0.230),
    15: (0.360, 0.360),
    20: (0.501, 0.612),
    25: (0.545, 0.738),
    38: (0.453, 0.675),
    58: (0.429, 0.603),
    71: (0.389, 0.588),
    87: (0.412, 0.538),
    110: (0.290, 0.495),
    140: (0.324, 0.380),
}


def best_reached(side: float, step: float) -> torch.Tensor:
    """Best IoU of a square object, its centre on a grid of `step` px over one 64-px period.

    All four grids repeat after 64 px, the coarsest stride; the period swept lies in the middle
    of the image, so that no anchor is missing around it. IoU falls with the distance in x and in
    y, hence each object's candidates are the anchors within one stride, 64 px.
    """
    centres = torch.arange(192, 256, step)
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    centre = torch.stack((x, y), dim=-1).reshape(-1, 2)
    objects = torch.cat((centre - side / 2, centre + side / 2), dim=1)
    anchors = ssd_anchors(512)
    middle = (anchors[:, :2] + anchors[:, 2:]) / 2
    near = anchors[((middle > 192 - 64) & (middle < 256 + 64)).all(dim=1)]
    return torch.cat([box_iou(near, part).amax(dim=0) for part in objects.split(2048)])


@pytest.mark.parametrize("side", REACHED)
def test_worked_example_9_3(side):
    best, (worst, mean) = best_reached(side, 1), REACHED[side]
    assert best.min().item() == pytest.approx(worst, abs=6e-4)
    assert best.mean().item() == pytest.approx(mean, abs=4e-3)


def test_which_sizes_reach_which_match():
    """Section 9.3: 20 to 58 px are matched ordinarily, 15 px by force only, 11 px never."""
    assert min(best_reached(side, 4).min() for side in range(20, 59, 2)) >= SSD.positive_iou
    assert SSD.forced_iou <= best_reached(15, 4).min() <= best_reached(15, 4).max() < 0.4
    assert best_reached(71, 4).min() < SSD.positive_iou <= best_reached(71, 4).max()
    assert min(best_reached(side, 4).min() for side in range(71, 141, 6)) >= SSD.forced_iou
    assert best_reached(11, 4).max() < SSD.forced_iou


def test_worked_example_a4_one_circle():
    circle = torch.tensor([[40.0, 40.0, 60.0, 60.0]])
    scale_1 = shapes_anchors()[0].reshape(-1, 3, 4)
    best = [box_iou(scale_1[:, k], circle).max().item() for k in range(3)]
    assert best == pytest.approx([0.640, 0.694444, 0.390625], abs=1e-6)
    owner = match_boxes(scale_1.reshape(-1, 4), circle, SHAPES).reshape(-1, 3)
    assert (owner >= 0).sum(dim=0).tolist() == [5, 5, 0]
    assert (owner == IGNORED).sum(dim=0).tolist() == [8, 16, 21]


def shapes_boxes(rng, labels) -> np.ndarray:
    """Boxes of one image by section A1, written anew: nothing of edgedet's generator."""
    boxes: list[tuple[int, int, int, int]] = []
    for label in labels:
        low, high = ((16, 32), (48, 96), (96, 192))[label]
        half = int(rng.integers(low, high + 1)) // 2
        for _ in range(50):
            x, y = rng.integers(half, 224 - half + 1, 2)
            box = (x - half, y - half, x + half, y + half)
            if all(slow_iou(box, other) <= 0.3 for other in boxes):
                break
        boxes.append(box)
    return np.array(boxes, dtype=np.float32)


def shapes_images(rng):
    """Boxes and labels of 200 images with exactly the class counts of the measured part."""
    deck = rng.permutation(np.repeat([0, 1, 2], (237, 233, 221)))
    sizes = rng.permutation(np.repeat([2, 3, 4, 5], (54, 51, 45, 50)))
    for labels in np.split(deck, np.cumsum(sizes)[:-1]):
        yield torch.from_numpy(shapes_boxes(rng, labels)), labels


def edgedets_shapes(rng):
    """The same from edgedet's own generator: 200 images, class counts as they fall."""
    for _ in range(200):
        scene = draw_scene(rng, ShapesOptions())
        boxes = torch.tensor([shape.box_xyxy for shape in scene], dtype=torch.float32)
        yield boxes, np.array([shape.label for shape in scene])


def averages_of_a4(images):
    """Counts per image and scale; positives of each scale and class; best IoU of each class."""
    levels = shapes_anchors()
    counts, of_class, best = np.zeros((3, 3)), np.zeros((3, 3)), [[], [], []]
    for boxes, labels in images:
        iou = box_iou(torch.cat(levels), boxes)
        owner = match(iou, SHAPES)
        assert set(range(len(boxes))) <= set(owner.tolist()), "every object is covered"
        for value, label in zip(iou.amax(dim=0).tolist(), labels, strict=True):
            best[label].append(value)
        for scale, part in enumerate(owner.split([len(level) for level in levels])):
            counts[:, scale] += [(part >= 0).sum(), (part == -2).sum(), (part == -1).sum()]
            of_class[scale] += np.bincount(labels[part[part >= 0]], minlength=3)
    return counts / 200, of_class / 200, best


def test_averages_of_a4():
    """Statistical: other sizes and places than the 200 measured images, equal class counts.

    The tolerances are about two deviations of eight seeds around the measured values.
    """
    (positive, ignored, negative), of_class, best = averages_of_a4(
        shapes_images(np.random.default_rng(641))
    )
    assert positive == pytest.approx([17.83, 53.31, 35.83], rel=0.07)
    assert ignored == pytest.approx([75.1, 205.3, 109.3], rel=0.06)
    assert negative == pytest.approx([9315, 2093, 443], rel=0.02)
    assert of_class[0].tolist() == [positive[0], 0, 0]
    assert of_class[1] == pytest.approx([0, 36.6, 16.7], rel=0.1, abs=4)
    assert of_class[2] == pytest.approx([0, 4.6, 31.2], rel=0.1, abs=2)
    assert [np.mean(b) for b in best] == pytest.approx([0.793, 0.813, 0.823], abs=0.015)
    assert min(map(min, best)) >= 0.6


def test_averages_of_a4_with_edgedets_generator():
    """Positives per object rather than per image: class counts are as they fall."""
    scenes = edgedets_shapes(np.random.RandomState([641, 1]))
    _, of_class, best = averages_of_a4(scenes)
    objects = np.array([len(values) for values in best]) / 200
    measured = np.array([[17.83, 0, 0], [0, 36.6, 16.7], [0, 4.6, 31.2]])
    expected = measured / (np.array([237, 233, 221]) / 200)
    assert of_class / objects == pytest.approx(expected, rel=0.08, abs=2)
    assert [np.mean(b) for b in best] == pytest.approx([0.793, 0.813, 0.823], abs=0.015)
    assert min(map(min, best)) >= 0.6
