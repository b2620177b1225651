"""From options to an SSD: on any trunk, attached anywhere, with any anchors."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from edgedet.models.anchors import anchor_shapes, grid_anchors, square_sides
from edgedet.models.box_codes import box_code
from edgedet.models.detector_options import detector_spec
from edgedet.models.feature_maps import SsdFeatureMaps
from edgedet.models.matching import MatchRule
from edgedet.models.samplers import build_sampler
from edgedet.models.ssd import Ssd
from edgedet.models.ssd_head import SsdHead
from edgedet.models.ssd_loss import SsdLoss
from edgedet.models.ssd_options import SsdOptions
from edgedet.models.trunk import Trunk, taps_of
from edgedet.runtime.errors import UsageError


def _class_weights(weights: str | tuple[float, ...], classes: int) -> Tensor:
    if weights == "none":
        return torch.ones(classes + 1)
    if isinstance(weights, str) or len(weights) != classes:
        raise UsageError(
            f"class_weights as none, auto or {classes} positive numbers, one a class",
            repr(weights),
            "give one number for each class of the data",
        )
    return torch.tensor((1.0, *weights))


def ssd_maps(options: SsdOptions) -> SsdFeatureMaps:
    """Return the maps that the heads of such a detector read, untrained."""
    taps = taps_of(options.trunk, options.taps)
    trunk = Trunk(options.trunk, taps, options.frozen_blocks)
    return SsdFeatureMaps(trunk, levels=len(options.anchors))


def ssd_anchors(options: SsdOptions, strides: Sequence[int]) -> list[Tensor]:
    """Return the anchors of each level, [H*W*k, 4] xyxy in px of the input.

    k = sizes x ratios: every size in every ratio, size-major.
    """
    return [
        grid_anchors(
            (options.imgsz, options.imgsz),
            stride,
            anchor_shapes(square_sides(sizes, options.anchor_measure), options.ratios),
        )
        for stride, sizes in zip(strides, options.anchors, strict=True)
    ]


def ssd_detector(class_names: tuple[str, ...], options: SsdOptions) -> Ssd:
    """Build the detector for those foreground classes."""
    maps = ssd_maps(options)
    criterion = SsdLoss(
        rule=MatchRule(options.positive_iou, options.positive_iou, options.forced_iou),
        code=box_code(options.box_code),
        sampler=build_sampler(options.sampler, options.negative_ratio),
        plus_one=options.iou_plus_one,
        double_softmax=options.double_softmax,
    )
    weights = _class_weights(options.class_weights, len(class_names))
    anchors = ssd_anchors(options, maps.strides)
    spec = detector_spec(class_names, options)
    detector = Ssd(spec, maps, anchors, criterion, weights, options.top_k)
    if options.head_start == "xavier":
        for head in detector.heads:
            cast(SsdHead, head).start_from_xavier()
    return detector
