"""An ignored object is neither learnt nor background, for every sampler and both losses."""

from __future__ import annotations

import pytest
import torch

from edgedet.models.box_codes import CentreLogCode
from edgedet.models.matching import IGNORED, NEGATIVE, MatchRule, covered, match_target
from edgedet.models.registry import build_model
from edgedet.models.shapes_loss import ShapesLoss
from edgedet.models.targets import IGNORED_LABEL, Target

RULE = MatchRule(0.4, 0.4, 0.2)
ANCHORS = torch.tensor(
    [[0.0, 0, 10, 10], [5, 0, 15, 10], [6, 0, 16, 10], [40, 40, 50, 50], [41, 40, 51, 50]]
)


def target(*rows: tuple[float, float, float, float, int]) -> Target:
    table = torch.tensor(rows, dtype=torch.float32).reshape(-1, 5)
    return Target(table[:, :4], table[:, 4].long())


def test_half_of_an_anchor_is_the_border() -> None:
    region = torch.tensor([[0.0, 0, 10, 100]])
    assert covered(ANCHORS, region).tolist() == [True, True, False, False, False]
    assert covered(ANCHORS, region[:0]).tolist() == [False] * 5


def test_background_under_an_ignored_object_is_ignored_and_a_match_stays() -> None:
    owner, learnt = match_target(
        ANCHORS, target((0, 0, 60, 60, IGNORED_LABEL), (40, 40, 50, 50, 2)), RULE
    )
    assert owner.tolist() == [IGNORED, IGNORED, IGNORED, 0, 0]
    assert learnt.labels.tolist() == [2]
    alone, _ = match_target(ANCHORS, target((0, 0, 10, 10, IGNORED_LABEL)), RULE)
    assert alone.tolist() == [IGNORED, IGNORED, NEGATIVE, NEGATIVE, NEGATIVE]


@pytest.mark.parametrize("sampler", ["dns", "basic"])
def test_what_fires_on_an_ignored_object_costs_nothing(
    sampler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    model = build_model("scale_aware_ssd", ("a", "b"), {"imgsz": 64, "sampler": sampler})
    targets = [target((4, 4, 30, 30, 1), (34, 34, 62, 62, IGNORED_LABEL))]
    labels, _ = model.criterion.assign(model.anchors_xyxy, targets)  # type: ignore[attr-defined]
    ignored = labels[0] == IGNORED_LABEL
    assert ignored.any()
    images = torch.rand(1, 3, 64, 64)
    logits, deltas = model(images)  # type: ignore[operator]
    fired = logits.clone()
    fired[:, 1, ignored] += 50
    losses = []
    for given in (logits, fired):
        monkeypatch.setattr(type(model), "forward", lambda *_, out=(given, deltas): out)
        losses.append(torch.stack(list(model.loss(images, targets).values())))
    assert torch.equal(*losses)
    # The same place without the ignored object is a mistake that costs.
    assert model.loss(images, [target((4, 4, 30, 30, 1))])["classification"] > 1


def test_the_shapes_loss_takes_no_negative_from_under_it() -> None:
    criterion = ShapesLoss(MatchRule(0.5, 0.3, 0.0, tie=None), CentreLogCode(1.0, 1.0))
    owner, _, _ = criterion.assign(ANCHORS, [target((0, 0, 60, 60, IGNORED_LABEL))])
    assert owner.tolist() == [[IGNORED] * 5]
    assert not criterion.select_negatives(torch.full((1, 5), 9.0), owner).any()


def test_a_batch_of_nothing_but_ignored_objects_trains_on() -> None:
    for name in ("scale_aware_ssd", "multiscale_shapes"):
        model = build_model(name, ("a",), {"imgsz": 64})
        terms = model.loss(torch.rand(1, 3, 64, 64), [target((-99, -99, 199, 199, IGNORED_LABEL))])
        total = torch.stack(list(terms.values())).sum()
        total.backward()
        assert torch.isfinite(total)
