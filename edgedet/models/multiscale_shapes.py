"""The multi-scale shapes detector: four plain blocks, three heads (shapes spec A2)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgedet.models import option_checks as check
from edgedet.models.anchors import grid_anchors
from edgedet.models.box_codes import CentreLogCode
from edgedet.models.candidates import candidate_count, gather_columns
from edgedet.models.matching import MatchRule
from edgedet.models.shapes_loss import ShapesLoss
from edgedet.models.targets import Target
from edgedet.runtime.spec import ModelSpec

STRIDES = (4, 8, 16)
CHANNELS = (128, 256, 512)
RULE = MatchRule(positive_iou=0.5, negative_iou=0.3, forced_iou=0.0, tie=None)


def _are_anchors(value: object) -> bool:
    return check.are_all(value, lambda sides: check.are_all(sides, check.is_positive), len(STRIDES))


_CHECKS: tuple[check.Check, ...] = (
    check.count("imgsz"),
    ("anchors", f"{len(STRIDES)} lists of positive numbers, one a stride", _are_anchors),
    check.count("top_k"),
    check.fraction("score_threshold"),
    check.fraction("nms_iou"),
)


@dataclass(frozen=True)
class ShapesOptions:
    """What can be set on the shapes detector."""

    imgsz: int = 224
    """Side of the square input in px."""
    anchors: tuple[tuple[float, ...], ...] = ((16, 24, 32), (48, 64, 96), (96, 128, 192))
    """Sides in px of the square anchors of a cell, for strides 4, 8 and 16."""
    top_k: int = 1000
    """Candidates the graph returns."""
    score_threshold: float = 0.25
    """Score from which a detection is reported by default."""
    nms_iou: float = 0.5
    """Overlap above which the weaker of two detections of a class is dropped."""

    def __post_init__(self) -> None:
        check.check_options(self, _CHECKS)


def _layer(channels_in: int, channels_out: int, stride: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    ]


def _head(channels: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(*_layer(channels, channels, 1), nn.Conv2d(channels, outputs, 1))


class MultiscaleShapes(nn.Module):
    """Three maps, three square anchors a cell: tx, ty, tw, th, objectness, classes of each."""

    anchors_xyxy: Tensor

    def __init__(self, spec: ModelSpec, anchors: Sequence[Sequence[float]], top_k: int) -> None:
        super().__init__()
        self.spec = spec
        self.top_k = top_k
        self.counts: dict[str, Tensor] = {}
        self.criterion = ShapesLoss(RULE, CentreLogCode(1.0, 1.0))
        self.values = 5 + len(spec.class_names)
        self.blocks = nn.ModuleList(
            [
                nn.Sequential(*_layer(3, 32, 1), *_layer(32, 64, 2), *_layer(64, 128, 2)),
                nn.Sequential(*_layer(128, 256, 2)),
                nn.Sequential(*_layer(256, 512, 2)),
            ]
        )
        self.heads = nn.ModuleList(
            _head(channels, len(sides) * self.values)
            for channels, sides in zip(CHANNELS, anchors, strict=True)
        )
        levels = [
            grid_anchors(spec.size_hw, stride, torch.tensor([(s, s) for s in sides]).float())
            for stride, sides in zip(STRIDES, anchors, strict=True)
        ]
        self.register_buffer("anchors_xyxy", torch.cat(levels), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return [N, 5 + C, A]: level-major, row-major, anchor fastest."""
        raw = []
        for block, head in zip(self.blocks, self.heads, strict=True):
            images = block(images)
            level = head(images).flatten(2).unflatten(1, (-1, self.values))
            raw.append(level.permute(0, 2, 3, 1).flatten(2))
        return torch.cat(raw, dim=2)

    def loss(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        """Return `objectness`, `classification` and `localisation`; see `ShapesLoss`."""
        raw = self(images).float().transpose(1, 2)
        terms, self.counts = self.criterion.terms(raw, self.anchors_xyxy, targets)
        return terms

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the K best anchors, scored by sigmoid(objectness) x the best class."""
        raw = self(images).float()
        best, labels = raw[:, 5:].softmax(dim=1).max(dim=1)
        scores = raw[:, 4].sigmoid() * best
        scores, anchors = torch.topk(scores, candidate_count(self.top_k, scores.shape[1]), dim=1)
        codes = gather_columns(raw[:, :4], anchors)
        boxes = self.criterion.code.decode(codes, self.anchors_xyxy[anchors])
        return boxes, scores, torch.gather(labels, 1, anchors)


def multiscale_shapes(class_names: tuple[str, ...], options: ShapesOptions) -> MultiscaleShapes:
    """Build the detector for those classes; images are divided by 255 and nothing else."""
    spec = ModelSpec(
        class_names=class_names,
        size_hw=(options.imgsz, options.imgsz),
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        score_threshold=options.score_threshold,
        nms_iou=options.nms_iou,
    )
    return MultiscaleShapes(spec, options.anchors, options.top_k)
