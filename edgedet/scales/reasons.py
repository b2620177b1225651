"""The options of the chosen candidate, each with the numbers that speak for it."""

from __future__ import annotations

import numpy as np

from edgedet.models.ssd_options import SsdOptions
from edgedet.scales.candidates import Candidate
from edgedet.scales.class_balance import class_weights
from edgedet.scales.crowding import crowding
from edgedet.scales.objects import Objects
from edgedet.scales.setting import Setting
from edgedet.scales.window import Window


def settings_of(
    best: Candidate, objects: Objects, options: SsdOptions, window: Window
) -> dict[str, Setting]:
    """Return the model options for `best`; what needs no other value than the default is absent."""
    values = best.design.options()
    reasons = {
        "trunk": _trunk(best),
        "taps": _taps(best),
        "anchors": _anchors(best, window),
        "ratios": _ratios(objects),
    }
    settings = {name: Setting(value, reasons[name]) for name, value in values.items()}
    if options.resize != SsdOptions.resize:
        settings["resize"] = Setting(options.resize, "the sizes above are those after this resize")
    weights = class_weights(objects.class_names, objects.per_class())
    if weights is not None:
        settings["class_weights"] = weights
    crowd = crowding(objects, options.nms_iou)
    if crowd.needed_iou > crowd.allowed_iou:
        reason = (
            f"{crowd.lost:.1%} of the labelled objects overlap another of their class by an IoU "
            f"over {crowd.allowed_iou:g}, the default, and would be taken for its doubles"
        )
        settings["nms_iou"] = Setting(crowd.needed_iou, reason)
    return settings


def _trunk(best: Candidate) -> str:
    return (
        f"{best.macs / 1e9:.2f} G multiply-accumulates an image and {best.parameters / 1e3:.0f} "
        "thousand parameters, heads included"
    )


def _taps(best: Candidate) -> str:
    levels = [
        f"{level.place} sees {level.field_px:g} px at stride {level.stride}"
        for level in best.design.layout.levels
    ]
    return "; ".join(levels)


def _anchors(best: Candidate, window: Window) -> str:
    scores = best.design.a_scores
    where = "inside" if best.aligned else "partly outside"
    return (
        f"{best.design.origin}; sides in px, one entry a level; receptive field / side "
        f"{scores.min():.2f} to {scores.max():.2f}, mean {scores.mean():.2f}, {where} "
        f"{window}; best IoU {best.mean_best_iou:.3f} on average, "
        f"{best.share_positive:.1%} of the objects get an ordinary positive"
    )


def _ratios(objects: Objects) -> str:
    low, middle, high = np.percentile(objects.ratios, (5, 50, 95))
    return (
        f"width / height of the objects: median {middle:.2f}, 90 % within {low:.2f} to {high:.2f}"
    )
