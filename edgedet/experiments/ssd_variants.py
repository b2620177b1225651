"""The ways of training that the tables of scale-aware SSD compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from edgedet.data.class_weights import auto_class_weights
from edgedet.experiments.pretrained import trunk_file
from edgedet.experiments.variant import Changes, NotRunError, Printed, Subject, Variant
from edgedet.runtime.errors import EdgedetError
from edgedet.scales.fitting import FitRequest, fit_to_objects
from edgedet.scales.window import DEFAULT, PAPER, Window

MODEL = "scale_aware_ssd"
THREE_TO_ONE = {"sampler": "basic", "negative_ratio": 3.0}
ONE_TO_ONE = {"sampler": "basic", "negative_ratio": 1.0}
DNS = {"sampler": "dns"}
SCRATCH = {"weights": "none", "model_options": {"frozen_blocks": 0, "frozen_norm": False}}
"""A ResNet without trained weights: nothing of it may be kept as it is."""
PRINTED_CLASSES = 3

Lazy = Callable[[Subject], Changes]


def _options(**options: Any) -> dict[str, Any]:
    return {"model_options": {"class_weights": "none", **options}}


def _weighted(**options: Any) -> Lazy:
    """Settings with class weights n_max / n_c; with one class they are all 1."""

    def changes(subject: Subject) -> Changes:
        return _options(**options, **({"class_weights": "auto"} if subject.classes > 1 else {}))

    return changes


def _several_classes(subject: Subject) -> None:
    if subject.classes < 2:
        raise NotRunError("class weights need more than one class")


def _auto_weighted(subject: Subject) -> Changes:
    _several_classes(subject)
    return _options(**THREE_TO_ONE, class_weights="auto")


def _dns_weighted(subject: Subject) -> Changes:
    _several_classes(subject)
    return _options(**DNS, class_weights="auto")


def _rarest_doubled(subject: Subject) -> Changes:
    _several_classes(subject)
    counts = subject.labelled.train.counts()
    weights = np.array(auto_class_weights(counts))
    weights[np.where(counts > 0, counts, counts.max() + 1).argmin()] *= 2
    return _options(**THREE_TO_ONE, class_weights=weights.round(6).tolist())


def _listed_weights(weights: list[float]) -> Lazy:
    def changes(subject: Subject) -> Changes:
        if subject.classes != PRINTED_CLASSES:
            raise NotRunError(f"needs {PRINTED_CLASSES} classes, here are {subject.classes}")
        return _options(**THREE_TO_ONE, class_weights=weights)

    return changes


def _chosen(subject: Subject, window: Window = DEFAULT) -> dict[str, Any]:
    """The model options that `edgedet scales` proposes for the training images."""
    try:
        fitting = fit_to_objects(subject.labelled.train, _request(subject, window))
    except EdgedetError as error:
        raise NotRunError(f"`edgedet scales` fails: {error}") from error
    return dict(fitting.chosen.model_options())


def _request(subject: Subject, window: Window) -> FitRequest:
    """For the trunk and the resize that the base recipe names, if it does."""
    return FitRequest(subject.imgsz, window=window, **subject.fixed)


def _fitted(subject: Subject) -> Changes:
    return {"model_options": _chosen(subject)}


def _fitted_in_the_papers_window(subject: Subject) -> Changes:
    return {"model_options": _chosen(subject, PAPER)}


def _fitted_3to1(subject: Subject) -> Changes:
    return _options(**{**_chosen(subject), **THREE_TO_ONE, "class_weights": "none"})


def _pretrained(subject: Subject) -> Changes:
    if subject.pretrained is None:
        raise NotRunError("give --pretrained FILE, a checkpoint trained on other objects")
    weights = trunk_file(subject.pretrained, subject.folder)
    return {**_weighted(**DNS)(subject), "weights": str(weights)}


def _from_scratch_if_asked(subject: Subject) -> Changes:
    return SCRATCH if subject.weights == "none" else {}


def _ssdlite(subject: Subject) -> Changes:
    return {"weights": "none"} if subject.weights == "none" else {}


def _anchors(sides: tuple[float, ...]) -> Variant:
    name = "/".join(f"{side:g}" for side in sides)
    return Variant(
        f"anchors-{name.replace('/', '-')}",
        name,
        MODEL,
        _options(**THREE_TO_ONE, anchors=list(sides)),
        printed=Printed("ssd.T5", "anchors", list(sides)),
    )


def detector(variant: Variant, row: str, title: str = "") -> Variant:
    """Return the variant as the row of Table 3 that the paper calls `row`."""
    return replace(
        variant, printed=Printed("ssd.T3", "detector", row), title=title or variant.title
    )


ORIGINAL = Variant(
    "original",
    "SSD-MobileNetV2, original attachment, 3:1",
    "ssd_mobilenetv2",
    _options(taps="original", **THREE_TO_ONE),
    note="the paper's anchors on the heads' original places (A-score 10.3; the paper has 10.6); "
    "sampler 3:1, the setting of the paper's Table 3",
)
ALIGNED_3TO1 = Variant("3to1", "scale-aware SSD, 3:1", MODEL, _options(**THREE_TO_ONE))
ALIGNED_1TO1 = Variant("1to1", "scale-aware SSD, 1:1", MODEL, _options(**ONE_TO_ONE))
ALIGNED_DNS = Variant("dns", "scale-aware SSD, DNS", MODEL, _options(**DNS))
DNS_WEIGHTED = Variant("dns-weights", "scale-aware SSD, DNS + class weights", MODEL, _dns_weighted)
FITTED = Variant(
    "fitted",
    "recipe of `edgedet scales`",
    MODEL,
    _fitted,
    recorded=True,
    note="attachment and anchors follow from the sizes of the training objects; what was chosen "
    "is in resolved/",
)
FITTED_PAPER = Variant(
    "fitted-paper",
    "recipe of `edgedet scales --window 1.5,2.5`",
    MODEL,
    _fitted_in_the_papers_window,
    recorded=True,
    note="receptive fields 1.5 to 2.5 anchors wide, as the paper argues; the default is 3 to 8",
)
FITTED_3TO1 = Variant(
    "fitted-3to1",
    "recipe of `edgedet scales`, 3:1",
    MODEL,
    _fitted_3to1,
    recorded=True,
    note="as `edgedet scales` chooses them for this data, with the sampler of the other rows",
)
PIPELINE = Variant(
    "pipeline",
    "scale-aware SSD, DNS + class weights where they differ",
    MODEL,
    _weighted(**DNS),
    note="the paper's own pipeline; with one class there are no weights to set",
)
PRETRAINED = Variant("pretrained", "the same, trunk pretrained", MODEL, _pretrained)
WEIGHTED_3TO1 = Variant("weights-3to1", "3:1", MODEL, _weighted(**THREE_TO_ONE))
WEIGHTED_1TO1 = Variant("weights-1to1", "1:1", MODEL, _weighted(**ONE_TO_ONE))
AUTO_WEIGHTS = Variant(
    "weights-auto",
    "auto (n_max / n_c)",
    MODEL,
    _auto_weighted,
    note="the rule by which the paper has 1/4/3.7",
)
RAREST_DOUBLED = Variant("weights-rarest", "auto, the rarest class doubled", MODEL, _rarest_doubled)

ANCHOR_SETS = tuple(
    _anchors(sides)
    for sides in (
        (25, 38, 58, 87),
        (20, 41, 81, 164),
        (25, 43, 74, 124),
        (28, 45, 72, 115),
        (30, 45, 60, 80),
        (30, 45, 60, 90),
    )
)
WEIGHT_LISTS = tuple(
    Variant(
        f"weights-{'-'.join(f'{weight:g}' for weight in weights)}",
        "/".join(f"{weight:g}" for weight in weights),
        MODEL,
        _listed_weights(list(weights)),
        printed=Printed("ssd.T6", "weights", list(weights)),
    )
    for weights in ((1, 4, 3.7), (1, 8, 3.7), (1, 5, 1))
)
PEERS = (
    detector(
        Variant("frcnn-r50", "Faster R-CNN R50-FPN", "faster_rcnn_r50_fpn", _from_scratch_if_asked),
        "FRCNN_R50_FPN",
    ),
    detector(
        Variant(
            "frcnn-r101", "Faster R-CNN R101-FPN", "faster_rcnn_r101_fpn", _from_scratch_if_asked
        ),
        "FRCNN_R101_FPN",
    ),
    detector(
        Variant("retina-r50", "RetinaNet R50-FPN", "retinanet_r50_fpn", _from_scratch_if_asked),
        "Retina_R50",
    ),
    Variant(
        "ssdlite",
        "SSDLite-MobileNetV3",
        "ssdlite_mobilenetv3",
        _ssdlite,
        note="not in the paper",
    ),
)
