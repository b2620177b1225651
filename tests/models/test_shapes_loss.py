import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedet.models.box_codes import CentreLogCode
from edgedet.models.matching import IGNORED, NEGATIVE
from edgedet.models.multiscale_shapes import RULE
from edgedet.models.shapes_loss import ShapesLoss, hard_negatives
from edgedet.models.targets import Target

from .box_strategies import no_objects, one_object, targets
from .slow_references import (
    slow_anchors,
    slow_cross_entropy,
    slow_iou,
    slow_match,
    slow_smooth_l1,
    slow_ssd_encode,
)

CLASSES = 3
ANCHORS = torch.from_numpy(slow_anchors(64, 8, [(16, 16), (24, 24), (32, 32)])).float()
LOSS = ShapesLoss(RULE, CentreLogCode(1.0, 1.0))


def raw_outputs(images: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(images, len(ANCHORS), 5 + CLASSES, generator=generator) * 2


def slow_owners(target) -> tuple[list[int], list]:
    objects = sorted(
        zip(target.boxes_xyxy.tolist(), target.labels.tolist(), strict=True),
        key=lambda pair: (*pair[0], pair[1]),
    )
    iou = np.array([[slow_iou(a, b) for b, _ in objects] for a in ANCHORS.tolist()], np.float32)
    return slow_match(iou.reshape(len(ANCHORS), -1), 0.5, 0.3, 0.0, None), objects


def slow_terms(raw: np.ndarray, batch) -> dict[str, float]:
    """Section A3, one anchor after the other."""
    objectness, classification, localisation, selected, positives = 0.0, 0.0, 0.0, 0, 0
    for image, target in zip(raw, batch, strict=True):
        owners, objects = slow_owners(target)
        mine = [a for a, owner in enumerate(owners) if owner >= 0]
        others = [a for a, owner in enumerate(owners) if owner == NEGATIVE]
        others.sort(key=lambda a: -image[a, 4])
        hard = others[: 3 * len(mine) if mine else 20]
        objectness += sum(math.log1p(math.exp(-image[a, 4])) for a in mine)
        objectness += sum(math.log1p(math.exp(image[a, 4])) for a in hard)
        selected += len(mine) + len(hard)
        positives += len(mine)
        for a in mine:
            box, label = objects[owners[a]]
            classification += slow_cross_entropy([image[a, 5:]], [label], [1] * CLASSES)
            code = slow_ssd_encode(box, ANCHORS[a].tolist(), 1, 1)
            localisation += sum(map(slow_smooth_l1, image[a, :4] - code))
    return {
        "objectness": objectness / max(selected, 1),
        "classification": classification / max(positives, 1),
        "localisation": 2 * localisation / max(positives, 1),
    }


@settings(max_examples=50, deadline=None)
@given(
    batch=st.lists(targets(max_boxes=3, side=64, smallest=8), min_size=1, max_size=3),
    seed=st.integers(0, 99),
)
def test_terms_equal_the_slow_ones(batch, seed):
    raw = raw_outputs(len(batch), seed)
    terms, counts = LOSS.terms(raw, ANCHORS, batch)
    expected = slow_terms(raw.double().numpy(), batch)
    assert {k: v.item() for k, v in terms.items()} == pytest.approx(expected, rel=1e-4, abs=1e-6)
    owners = [o for target in batch for o in slow_owners(target)[0]]
    assert counts["n_pos"] == sum(o >= 0 for o in owners)
    assert counts["n_ignored"] == owners.count(IGNORED)


@settings(max_examples=40, deadline=None)
@given(batch=st.lists(targets(max_boxes=3, side=64), min_size=1, max_size=3))
def test_invariants_8_3_and_8_4_a_partition_and_at_most_three_negatives(batch):
    owner, _, _ = LOSS.assign(ANCHORS, batch)
    parts = (owner >= 0).int() + (owner == NEGATIVE).int() + (owner == IGNORED).int()
    assert (parts == 1).all()
    negatives = LOSS.select_negatives(raw_outputs(len(batch))[..., 4], owner)
    assert not (negatives & (owner != NEGATIVE)).any()
    for image in range(len(batch)):
        positives = int((owner[image] >= 0).sum())
        wanted = 3 * positives or 20
        available = int((owner[image] == NEGATIVE).sum())
        assert int(negatives[image].sum()) == min(wanted, available)


@settings(max_examples=40, deadline=None)
@given(target=targets(max_boxes=3, side=64, smallest=8), factor=st.floats(-50, 50))
def test_invariant_8_4_ignored_anchors_do_not_count(target, factor):
    raw = raw_outputs(1)
    terms, _ = LOSS.terms(raw, ANCHORS, [target])
    owner, _, _ = LOSS.assign(ANCHORS, [target])
    changed = raw.clone()
    changed[owner == IGNORED] = factor
    again, _ = LOSS.terms(changed, ANCHORS, [target])
    assert {k: v.item() for k, v in again.items()} == {k: v.item() for k, v in terms.items()}


def test_invariant_8_4_adding_an_ignored_anchor_changes_nothing():
    target, raw = one_object((10.0, 10.0, 30.0, 30.0)), raw_outputs(1)
    ignored = torch.tensor([[14.0, 14.0, 40.0, 40.0]])
    more = torch.cat((ANCHORS, ignored))
    owner, _, _ = LOSS.assign(more, [target])
    assert owner[0, -1] == IGNORED
    row = torch.full((1, 1, 8), 9.0)
    expected, _ = LOSS.terms(raw, ANCHORS, [target])
    found, _ = LOSS.terms(torch.cat((raw, row), dim=1), more, [target])
    assert {k: v.item() for k, v in found.items()} == {k: v.item() for k, v in expected.items()}


def test_invariant_8_5_perfect_codes_have_no_localisation_loss():
    batch = [one_object((8.0, 8.0, 32.0, 30.0)), no_objects()]
    raw = raw_outputs(2)
    owner, _, boxes = LOSS.assign(ANCHORS, batch)
    mine = owner >= 0
    raw[..., :4][mine] = LOSS.code.encode(boxes[mine], ANCHORS.expand(2, -1, -1)[mine])
    assert LOSS.terms(raw, ANCHORS, batch)[0]["localisation"].item() == 0


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.integers(0, 9), min_size=1, max_size=12),
    wanted=st.integers(0, 15),
    seed=st.integers(0, 99),
)
def test_hard_negatives_are_those_of_highest_loss(rows, wanted, seed):
    losses = torch.tensor([rows, rows[::-1]]).float()
    negative = torch.rand(losses.shape, generator=torch.Generator().manual_seed(seed)) < 0.6
    found = hard_negatives(losses, negative, torch.tensor([wanted, wanted]))
    for i in range(2):
        values = sorted(losses[i][negative[i]].tolist(), reverse=True)
        assert not (found[i] & ~negative[i]).any()
        assert sorted(losses[i][found[i]].tolist(), reverse=True) == values[:wanted]


def test_an_image_without_objects_takes_its_twenty_hardest():
    raw = raw_outputs(2)
    terms, counts = LOSS.terms(raw, ANCHORS, [no_objects(), no_objects()])
    hardest = [sorted(image[:, 4].tolist(), reverse=True)[:20] for image in raw]
    expected = np.mean([math.log1p(math.exp(x)) for image in hardest for x in image])
    assert terms["objectness"].item() == pytest.approx(expected, rel=1e-5)
    assert terms["classification"].item() == terms["localisation"].item() == 0
    assert (counts["n_pos"], counts["n_neg"], counts["n_ignored"]) == (0, 40, 0)


def test_invariant_8_permuting_images_changes_nothing():
    batch = [one_object(), no_objects(), one_object((5.0, 5.0, 60.0, 58.0), 2)]
    raw = raw_outputs(3)
    terms, _ = LOSS.terms(raw, ANCHORS, batch)
    again, _ = LOSS.terms(raw[[2, 0, 1]], ANCHORS, [batch[i] for i in (2, 0, 1)])
    for name, value in terms.items():
        assert again[name].item() == pytest.approx(value.item(), rel=1e-5)


def test_a_far_object_is_forced_onto_its_best_anchor():
    thin = Target(torch.tensor([[0.0, 0.0, 64.0, 3.0]]), torch.tensor([0]))
    owner, labels, boxes = LOSS.assign(ANCHORS, [thin])
    assert int((owner >= 0).sum()) == 1
    at = int(owner[0].argmax())
    best = max(range(len(ANCHORS)), key=lambda a: slow_iou(ANCHORS[a], thin.boxes_xyxy[0]))
    assert at == best
    assert labels[0, at] == 0
    assert boxes[0, at].tolist() == [0, 0, 64, 3]
