"""What training, evaluation and export rely on, for every detector of the registry."""

import copy

import pytest
import torch

from edgedet.models.protocol import DetectionModel
from edgedet.models.registry import MODELS, build_model
from edgedet.models.torchvision_dense import DenseDetector
from edgedet.runtime.spec import check_spec

from .box_strategies import no_objects, one_object

SIDE = 64
# test_torchvision_models.py: fewer calls of 30 to 60 million weights.
IN_A_FILE_OF_THEIR_OWN = {"faster_rcnn_r50_fpn", "faster_rcnn_r101_fpn", "retinanet_r50_fpn"}
BUILDS = [
    ("multiscale_shapes", {}),
    ("ssd_mobilenetv2", {}),
    ("scale_aware_ssd", {}),
    ("scale_aware_ssd", {"sampler": "basic"}),
    ("scale_aware_ssd", {"preset": "code"}),
    ("scale_aware_ssd", {"ratios": (1.0, 2.0), "resize": "letterbox"}),
    ("ssdlite_mobilenetv3", {}),
    ("scale_aware_ssd", {"taps": (3, 5, 6), "anchors": (12, (20, 25), 38, (50, 58), 87)}),
    ("scale_aware_ssd", {"trunk": "mobilenet_v3_large", "taps": (4, 8), "anchors": (25, (38, 50))}),
    ("scale_aware_ssd", {"trunk": "resnet18", "taps": (3, 4), "anchors": (20, 25, (38, 58))}),
]


@pytest.fixture(scope="module", params=BUILDS, ids=lambda build: "-".join((build[0], *build[1])))
def model(request, classes):
    torch.manual_seed(0)
    name, options = request.param
    return build_model(name, classes, {"imgsz": SIDE, **options}).eval()


def images(n: int = 2) -> torch.Tensor:
    return torch.randn(n, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def test_every_registered_detector_is_one(model, classes):
    assert isinstance(model, DetectionModel)
    check_spec(model.spec)
    assert model.spec.class_names == classes
    assert model.spec.size_hw == (SIDE, SIDE)
    assert {name for name, _ in BUILDS} == set(MODELS) - IN_A_FILE_OF_THEIR_OWN


def test_prediction_has_static_shapes_and_falling_scores(model, classes):
    k = None
    for n in (1, 3):
        boxes, scores, labels = model.predict(images(n))
        k = k or scores.shape[1]
        assert boxes.shape == (n, k, 4)
        assert scores.shape == labels.shape == (n, k)
        assert labels.dtype == torch.int64
        assert boxes.dtype == scores.dtype == torch.float32
        assert (scores[:, 1:] <= scores[:, :-1]).all()
        assert ((scores >= 0) & (scores <= 1)).all()
        assert ((labels >= 0) & (labels < len(classes))).all()
        assert (boxes[..., 2:] >= boxes[..., :2]).all()


def test_an_image_is_predicted_alike_in_any_batch(model):
    batch = images(3)
    together = model.predict(batch)
    alone = model.predict(batch[2:])
    assert torch.allclose(together[1][2], alone[1][0], atol=1e-5)
    swapped = model.predict(batch[[2, 1, 0]])
    assert torch.allclose(together[1][2], swapped[1][0], atol=1e-5)


TARGETS = {
    "objects": (one_object(), one_object((0.0, 0.0, 60.0, 64.0), 2)),
    "one empty": (no_objects(), one_object()),
    "all empty": (no_objects(), no_objects()),
    "tiny": (one_object((30.0, 30.0, 31.0, 31.0)), no_objects()),
    "larger than the image": (one_object((-40.0, -40.0, 140.0, 140.0)), no_objects()),
}


@pytest.mark.parametrize("case", TARGETS)
@pytest.mark.parametrize("training", [False, True])
def test_loss_and_gradient_are_finite(model, case, training):
    model = copy.deepcopy(model).train(training)
    terms = model.loss(images(), TARGETS[case])
    assert all(term.shape == () and torch.isfinite(term) for term in terms.values())
    sum(terms.values()).backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients
    assert all(torch.isfinite(g).all() for g in gradients)
    assert {"n_pos", "n_neg"} <= set(model.counts)
    # torchvision's SSD takes negatives for positives only.
    assert model.counts["n_neg"] > 0 or (case == "all empty" and isinstance(model, DenseDetector))
    if case == "all empty":  # invariant 7
        assert model.counts["n_pos"] == 0
        assert terms.get("regression", terms.get("localisation")).item() == 0


def test_invariant_8_permuting_images_leaves_the_loss(model):
    batch, targets = images(3), [one_object(), no_objects(), one_object((5.0, 5.0, 60.0, 50.0), 0)]
    first = model.loss(batch, targets)
    again = model.loss(batch[[2, 0, 1]], [targets[i] for i in (2, 0, 1)])
    assert list(first) == list(again)
    for name, value in first.items():
        assert again[name].item() == pytest.approx(value.item(), rel=1e-4)


def test_a_few_steps_lower_the_loss(model):
    torch.manual_seed(0)
    model = copy.deepcopy(model).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    batch, targets = images(), [one_object(), one_object((20.0, 4.0, 50.0, 34.0), 0)]
    history = []
    for _ in range(6):
        optimiser.zero_grad()
        loss = sum(model.loss(batch, targets).values())
        loss.backward()
        optimiser.step()
        history.append(loss.item())
    assert min(history[-3:]) < 0.9 * history[0]


def test_the_state_is_parameters_and_statistics_only(model):
    keys = set(model.state_dict())
    parameters = {name for name, _ in model.named_parameters()}
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    assert all(key in parameters or key.endswith(statistics) for key in keys)
