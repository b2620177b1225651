"""TorchVision's own detectors, exported, against TorchVision's own postprocessing."""

import json
import warnings

import numpy as np
import pytest

from edgedet.runtime import open_detector
from edgedet.runtime.adapters.default_boxes import (
    SSD300_VGG16,
    SSDLITE320,
    DefaultBoxes,
    default_boxes,
)

torch = pytest.importorskip("torch")
detection = pytest.importorskip("torchvision.models.detection")
pytest.importorskip("onnx")

CLASSES = ["a", "b", "c", "d"]
FRAME = np.random.RandomState(0).randint(0, 256, (320, 320, 3)).astype(np.uint8)
MODELS = {
    "ssdlite": detection.ssdlite320_mobilenet_v3_large,
    "faster_rcnn": detection.fasterrcnn_mobilenet_v3_large_320_fpn,
}


def made(name, **options):
    """With random weights, whose last layers are stretched until what they say differs."""
    torch.manual_seed(0)
    size = {"weights": None, "weights_backbone": None, "num_classes": 1 + len(CLASSES)}
    model = MODELS[name](**size, **options).eval()
    for layer, spread in last_layers(model):
        stretched = layer.register_forward_hook(stretch(spread))
        with torch.no_grad():
            model([tensor_of(FRAME)])
        stretched.remove()
    return model


def last_layers(model):
    if hasattr(model, "roi_heads"):
        predictor = model.roi_heads.box_predictor
        return [(predictor.cls_score, 3), (predictor.bbox_pred, 1)]
    heads = ((model.head.classification_head, 3), (model.head.regression_head, 1))
    return [(level[-1], spread) for head, spread in heads for level in head.module_list]


def stretch(spread):
    def hook(layer, inputs, output):
        middle, factor = output.mean(), spread / output.std()
        layer.weight.data *= factor
        layer.bias.data = (layer.bias.data - middle) * factor

    return hook


def tensor_of(frame_bgr):
    return torch.from_numpy(frame_bgr[..., ::-1].copy()).permute(2, 0, 1) / 255


def export(model, arguments, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, arguments, str(path), opset_version=13, dynamo=False)
    return path


def say(path, **values):
    text = json.dumps(dict(values, schema_version=1, class_names=CLASSES))
    path.with_suffix(".edgedet.json").write_text(text)


def require_same(found, theirs, least):
    keep = theirs["scores"] >= least
    boxes, scores, labels = (theirs[key][keep].numpy() for key in ("boxes", "scores", "labels"))
    assert len(scores) > 5
    # By label first: scores of two classes may differ in the last bit only.
    order, expected = np.lexsort((-found.scores, found.labels)), np.lexsort((-scores, labels))
    np.testing.assert_array_equal(found.labels[order], labels[expected] - 1)
    np.testing.assert_allclose(found.scores[order], scores[expected], atol=1e-4)
    np.testing.assert_allclose(found.boxes_xyxy[order], boxes[expected], atol=0.05)


@pytest.mark.parametrize(
    ("name", "options"), [("ssdlite", {"score_thresh": 0.2}), ("faster_rcnn", {})]
)
def test_final_detections(tmp_path, name, options):
    model = made(name, **options)
    path = export(model, ([tensor_of(FRAME)],), tmp_path / "model.onnx")
    say(path)
    with torch.no_grad():
        (theirs,) = model([tensor_of(FRAME)])
    with open_detector(path, conf=0.2) as detector:
        assert detector.backend.adaptation.family == "boxes_scores_labels"
        require_same(detector(FRAME), theirs, 0.2)


class Head(torch.nn.Module):
    """What an SSD gives before its boxes are decoded."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, images):
        head = self.model.head(list(self.model.backbone(images).values()))
        return head["bbox_regression"], head["cls_logits"]


def test_the_head_of_an_ssd(tmp_path):
    model = made("ssdlite", score_thresh=0.3, topk_candidates=100000, detections_per_img=100000)
    head = Head(model).eval()
    images = (tensor_of(FRAME)[None] - 0.5) / 0.5
    path = export(head, (images,), tmp_path / "model.onnx")
    say(path, candidates=20000, max_detections=20000)
    with torch.no_grad():
        offsets, logits = head(images)
        (theirs,) = model([tensor_of(FRAME)])
    with open_detector(path, conf=0.3, iou=model.nms_thresh) as detector:
        adaptation = detector.backend.adaptation
        assert (adaptation.family, logits.shape[-1]) == ("ssd", 5)
        assert detector.spec.mean == (0.5, 0.5, 0.5)
        require_same(detector(FRAME), theirs, 0.3)


def theirs_of(layout, size_hw, **options):
    generator = detection.anchor_utils.DefaultBoxGenerator(
        [list(ratios) for ratios in layout.aspect_ratios], **options
    )
    images = detection.image_list.ImageList(torch.zeros((1, 3) + size_hw), [size_hw])
    maps = [torch.zeros((1, 1) + grid) for grid in layout.grids]
    (corners,) = generator(images, maps)
    return corners.numpy()


ODD = DefaultBoxes(((3, 5), (2, 2)), ((2,), (2, 3)), (0.2, 0.6, 0.9))


@pytest.mark.parametrize(
    ("layout", "size_hw", "options"),
    [
        (SSDLITE320, (320, 320), {"min_ratio": 0.2, "max_ratio": 0.95}),
        (
            SSD300_VGG16,
            (300, 300),
            {"scales": list(SSD300_VGG16.scales), "steps": list(SSD300_VGG16.steps)},
        ),
        (ODD, (90, 150), {"scales": list(ODD.scales)}),
        (ODD._replace(steps=(32, 64)), (90, 150), {"scales": list(ODD.scales), "steps": [32, 64]}),
    ],
)
def test_default_boxes(layout, size_hw, options):
    boxes = default_boxes(layout, size_hw)
    assert len(boxes) == layout.total
    corners = np.concatenate(
        [boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1
    )
    np.testing.assert_allclose(corners, theirs_of(layout, size_hw, **options), atol=1e-3)


def test_published_layouts_have_their_published_numbers_of_boxes():
    assert (SSD300_VGG16.total, SSDLITE320.total) == (8732, 3234)
