"""The detectors from torchvision against torchvision's own forward, on the same pixels."""

import copy

import numpy as np
import pytest
import torch
from torchvision.models import resnet50, resnet101

from edgedet.models.protocol import DetectionModel
from edgedet.models.registry import build_model
from edgedet.models.targets import Target
from edgedet.runtime.postprocess import postprocess
from edgedet.runtime.preprocess import Placement
from edgedet.runtime.spec import check_spec

from .box_strategies import no_objects, one_object
from .torchvision_references import CLASSES, KINDS, SIDE, pair_of

FASTER, RETINA, LITE = KINDS
TERMS = {
    FASTER: ["loss_classifier", "loss_box_reg", "loss_objectness", "loss_rpn_box_reg"],
    RETINA: ["classification", "bbox_regression"],
    LITE: ["classification", "bbox_regression"],
}


@pytest.fixture(scope="module", params=KINDS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def pair(name):
    """No test leaves another mode or other weights behind."""
    return pair_of(name)


def images(n: int = 2) -> torch.Tensor:
    return torch.randn(n, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def objects() -> list[Target]:
    two = torch.tensor([[3.0, 3.0, 40.0, 60.0], [20.0, 10.0, 52.0, 30.0]])
    return [one_object(), Target(two, torch.tensor([0, 2]))]


def seeded_loss(model, targets):
    """Values of the terms; Faster R-CNN draws what it learns from."""
    torch.manual_seed(3)
    with torch.no_grad():
        return {name: term.item() for name, term in model.loss(images(), targets).items()}


def test_trunk_weights_and_what_is_frozen_are_torchvisions(pair):
    assert pair.trunk_differs == []
    frozen = {n for n, p in pair.theirs.named_parameters() if not p.requires_grad}
    assert {n for n, p in pair.ours.network.named_parameters() if not p.requires_grad} == frozen


def test_losses_are_torchvisions(name, pair):
    ours, theirs = copy.deepcopy(pair.ours).train(), copy.deepcopy(pair.theirs).train()
    found = seeded_loss(ours, objects())
    dicts = [{"boxes": t.boxes_xyxy, "labels": t.labels + pair.kind.first_label} for t in objects()]
    torch.manual_seed(3)
    with torch.no_grad():
        expected = theirs(list(images()), dicts)
    assert len(expected) == len(found)
    for ours_name, their_name in zip(found, TERMS[name], strict=True):
        assert found[ours_name] == pytest.approx(expected[their_name].item(), rel=1e-5), ours_name


def test_detections_are_torchvisions(pair):
    with torch.no_grad():
        expected = pair.theirs(list(images()))
        boxes, scores, labels = pair.ours.predict(images())
    # torchvision cuts off at the border before NMS, and our one postprocessing after it.
    boxes = boxes.clamp(0, SIDE)
    placement = Placement((1.0, 1.0), (0.0, 0.0), (SIDE, SIDE))
    for i, theirs in enumerate(expected):
        candidates = (values[i].numpy() for values in (boxes, scores, labels))
        found = postprocess(*candidates, placement, pair.kind.thresholds)
        assert len(found) == len(theirs["scores"]) > 20
        np.testing.assert_allclose(found.scores, theirs["scores"], rtol=1e-5)
        np.testing.assert_allclose(found.boxes_xyxy, theirs["boxes"], atol=1e-3)
        assert (found.labels == theirs["labels"].numpy() - pair.kind.first_label).all()


def test_each_fulfils_the_protocol(pair):
    model = pair.ours
    assert isinstance(model, DetectionModel)
    check_spec(model.spec)
    together, alone = model.predict(images(3)), model.predict(images(3)[2:])
    for boxes, scores, labels in (together, alone):
        assert boxes.shape == (*scores.shape, 4)
        assert labels.shape == scores.shape
        assert labels.dtype == torch.int64
        assert (scores[:, 1:] <= scores[:, :-1]).all()
        assert ((labels >= 0) & (labels < len(CLASSES))).all()
    assert together[1].shape[1] == alone[1].shape[1]
    assert torch.allclose(together[1][2], alone[1][0], atol=1e-5)


def test_images_without_objects(name, pair):
    model = copy.deepcopy(pair.ours).train()
    for targets in ([no_objects(), no_objects()], [no_objects(), one_object()]):
        terms = model.loss(images(), targets)
        sum(terms.values()).backward()
        assert all(torch.isfinite(term) for term in terms.values())
        if targets[1].labels.numel() == 0:
            assert terms["regression"].item() == 0
            assert model.counts["n_pos"] == 0
            # torchvision's SSD takes negatives for positives only.
            assert (model.counts["n_neg"] > 0) == (name != LITE)
    assert model.counts["n_pos"] > 0
    assert model.counts["n_neg"] > 0
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients
    assert all(torch.isfinite(g).all() for g in gradients)


def test_ignored_objects_are_left_out(pair):
    one, two = objects()
    ignored = Target(two.boxes_xyxy, torch.tensor([0, -1]))
    without = Target(two.boxes_xyxy[:1], two.labels[:1])
    assert seeded_loss(pair.ours, [one, ignored]) == seeded_loss(pair.ours, [one, without])
    assert seeded_loss(pair.ours, [one, ignored]) != seeded_loss(pair.ours, [one, two])


def test_the_mode_decides_neither_what_is_a_loss_nor_what_a_prediction(name, pair):
    """An evaluated model has a loss, too; and none leaves a stage in another mode."""
    modes = [module.training for module in pair.ours.modules()]
    first = seeded_loss(pair.ours, objects())
    assert [module.training for module in pair.ours.modules()] == modes
    if name != LITE:  # whose normalisation is of the batch when it trains
        training = copy.deepcopy(pair.ours).train()
        assert seeded_loss(training, objects()) == pytest.approx(first, rel=1e-4)
        with torch.no_grad():
            pairs = zip(training.predict(images()), pair.ours.predict(images()), strict=True)
            assert all(torch.allclose(one, other, atol=1e-4) for one, other in pairs)


def test_bf16_does_not_move_boxes_by_pixels(pair):
    """bf16 counts by twos beyond 256: anchors and decoding stay in float32."""
    exact = seeded_loss(pair.ours, objects())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = seeded_loss(pair.ours, objects())
        with torch.no_grad():
            boxes, scores, _ = pair.ours.predict(images())
    assert boxes.dtype == scores.dtype == torch.float32
    assert mixed == pytest.approx(exact, rel=0.1, abs=0.02)


def test_one_image_is_a_batch(classes):
    """The last map of SSDLite is one cell: no variance of its own in a batch of one."""
    model = build_model(LITE, classes, {"imgsz": SIDE}).train()
    terms = model.loss(images(1), objects()[1:])
    assert all(torch.isfinite(term) for term in terms.values())
    counted = model.counts
    assert counted["n_pos"] > 0
    model.eval().loss(images(1), objects()[1:])
    assert model.counts == counted


def test_gradients_in_bf16_are_those_of_the_weights(classes):
    """SSDLite's last layers read one cell at 64 px: with a stride, of memory left by others."""
    torch.manual_seed(0)
    model = (
        build_model(LITE, classes, {"imgsz": SIDE}).train().to(memory_format=torch.channels_last)
    )
    layers = model.network.backbone.extra
    assert [layer[1][0].stride for layer in layers] == [(2, 2), (1, 1), (1, 1), (1, 1)]
    gradients = []
    for _ in range(4):
        rubbish = [torch.full((2**size,), float("nan")) for size in range(4, 16)]
        del rubbish
        model.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            sum(model.loss(images(), objects()).values()).backward()
        gradients.append([layer[1][0].weight.grad.clone() for layer in layers])
    for again in gradients[1:]:
        assert all(map(torch.equal, gradients[0], again))


def test_r101_is_r50_with_a_longer_trunk(classes):
    with torch.device("meta"):
        counts = [
            sum(p.numel() for p in network.parameters())
            for network in (
                build_model("faster_rcnn_r101_fpn", classes, {"frozen_norm": False}),
                build_model("faster_rcnn_r50_fpn", classes, {"frozen_norm": False}),
                resnet101(),
                resnet50(),
            )
        ]
    assert counts[0] - counts[1] == counts[2] - counts[3]


def test_faster_rcnn_fills_up_its_candidates(classes):
    torch.manual_seed(0)
    model = build_model(FASTER, classes, {"imgsz": 32})
    boxes, scores, labels = model.eval().predict(images(1)[..., :32, :32])
    found = int((scores > 0).sum())
    assert scores.shape == (1, 1000)
    assert 0 < found < 1000
    assert not boxes[0, found:].any()
    assert not labels[0, found:].any()
    model.network.rpn.score_thresh = 2.0
    assert [v.count_nonzero() for v in model.predict(images(1)[..., :32, :32])] == [0, 0, 0]
