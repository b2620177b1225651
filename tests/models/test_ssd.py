import copy

import numpy as np
import pytest
import torch

from edgedet.models.registry import build_model

from .box_strategies import no_objects, one_object
from .slow_predictions import assert_same_candidates, sharpened, ssd_candidates
from .slow_references import slow_anchors

STRIDES, SIDES = (8, 16, 32, 64), (25, 38, 58, 87)


def images(n: int, side: int = 64) -> torch.Tensor:
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(2))


def slow_level_anchors(side: int, shapes=((1, 1),)) -> np.ndarray:
    levels = [
        slow_anchors(side, d, [(a * w, a * h) for w, h in shapes])
        for d, a in zip(STRIDES, SIDES, strict=True)
    ]
    return np.concatenate(levels)


@pytest.mark.parametrize("side", [64, 100])
def test_invariant_2_anchors_are_level_major(side, classes):
    model = build_model("scale_aware_ssd", classes, {"imgsz": side})
    assert np.allclose(model.anchors_xyxy, slow_level_anchors(side))
    logits, deltas = model.eval()(images(1, side))
    assert logits.shape == (1, 4, len(model.anchors_xyxy))
    assert deltas.shape == (1, 4, len(model.anchors_xyxy))


def test_anchors_of_several_ratios_are_anchor_minor(classes):
    model = build_model("scale_aware_ssd", classes, {"imgsz": 64, "ratios": [1, 4]})
    assert np.allclose(model.anchors_xyxy, slow_level_anchors(64, ((1, 1), (2, 0.5))))
    assert model.eval()(images(1))[0].shape[2] == 2 * 85


def test_every_output_looks_at_its_own_anchor(small_ssd):
    """The gradient of an output has its middle near the anchor's: rows and columns in order."""
    image = images(1).requires_grad_()
    logits, deltas = small_ssd(image)
    for output in (logits, deltas):
        for row, column in ((1, 6), (6, 1), (4, 4)):
            a = row * 8 + column
            (gradient,) = torch.autograd.grad(output[0, :, a].sum(), image, retain_graph=True)
            seen = gradient[0].abs().sum(dim=0)
            places = torch.arange(64.0) + 0.5
            x = (seen.sum(dim=0) * places).sum() / seen.sum()
            y = (seen.sum(dim=1) * places).sum() / seen.sum()
            anchor = small_ssd.anchors_xyxy[a]
            assert abs(x - (anchor[0] + anchor[2]) / 2) < 8
            assert abs(y - (anchor[1] + anchor[3]) / 2) < 8


@pytest.mark.parametrize("names", [("a", "b", "c"), ("only",)])
@pytest.mark.parametrize("top_k", [1, 40, 100_000])
def test_prediction_equals_the_slow_decode(names, top_k):
    torch.manual_seed(0)
    model = build_model("scale_aware_ssd", names, {"imgsz": 64, "top_k": top_k}).eval()
    sharpened(model)
    with torch.no_grad():
        logits, deltas = model(images(2))
        predicted = model.predict(images(2))
    assert predicted[1].shape == (2, min(top_k, 85 * len(names)))
    for i in range(2):
        rows = (raw[i].T.double().tolist() for raw in (logits, deltas))
        expected = ssd_candidates(*rows, model.anchors_xyxy.tolist())
        assert_same_candidates([p[i] for p in predicted], expected)


def test_loss_terms_are_those_of_the_criterion(small_ssd):
    """One batch by hand: anchors assigned, mistakes chosen, both terms over the batch."""
    batch = [one_object((10.0, 12.0, 34.0, 36.0), 1), no_objects()]
    with torch.no_grad():
        terms = small_ssd.loss(images(2), batch)
        logits, deltas = small_ssd(images(2))
    labels, boxes = small_ssd.criterion.assign(small_ssd.anchors_xyxy, batch)
    mine, losses, off = [], [], []
    for i in range(2):
        for a in range(85):
            row, label = logits[i, :, a], int(labels[i, a])
            if label or int(row.argmax()):
                mine.append(label > 0)
                losses.append(-torch.log_softmax(row, 0)[label].item())
            if label:
                code = small_ssd.criterion.code.encode(boxes[i, a], small_ssd.anchors_xyxy[a])
                off.append(torch.nn.functional.smooth_l1_loss(deltas[i, :, a], code).item())
    assert terms["classification"].item() == pytest.approx(np.mean(losses), rel=1e-4)
    assert terms["regression"].item() == pytest.approx(np.mean(off), rel=1e-4)
    assert small_ssd.counts["n_pos"] == sum(mine) == len(off)
    assert small_ssd.counts["n_neg"] == len(mine) - sum(mine)


def test_class_weights_weigh_the_classes(classes):
    torch.manual_seed(0)
    plain = build_model("scale_aware_ssd", classes, {"imgsz": 64, "sampler": "basic"}).eval()
    weighted = copy.deepcopy(plain)
    weighted.class_weights = torch.tensor([1.0, 1.0, 9.0, 1.0])
    batch = [one_object(label=1)]
    same = [one_object(label=0)]
    values = [
        model.loss(images(1), targets)["classification"].item()
        for model in (plain, weighted)
        for targets in (batch, same)
    ]
    assert values[0] != values[2]
    assert values[1] == pytest.approx(values[3])


def test_half_precision_outputs_are_decoded_in_single(small_ssd):
    model = copy.deepcopy(small_ssd).to(torch.bfloat16)
    boxes, scores, _ = model.predict(images(1).to(torch.bfloat16))
    assert scores.dtype == torch.float32
    assert torch.isfinite(boxes).all()
