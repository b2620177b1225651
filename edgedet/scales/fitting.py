"""From labelled objects to the detector that suits them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from edgedet.data.annotations import Annotations
from edgedet.models.registry import MODELS, Entry, model_entry, resolve_options
from edgedet.models.ssd_options import SsdOptions
from edgedet.runtime.errors import DataError, UsageError
from edgedet.scales.candidates import Candidate, measure
from edgedet.scales.design_cost import design_cost
from edgedet.scales.front import ranked
from edgedet.scales.objects import Objects, place_objects
from edgedet.scales.overlaps import Overlaps
from edgedet.scales.published_designs import TITLES, published_cost, published_design
from edgedet.scales.reasons import settings_of
from edgedet.scales.search import propose
from edgedet.scales.setting import Setting
from edgedet.scales.sizes import SizeReport, report_sizes
from edgedet.scales.window import DEFAULT, Window

FITTED_OPTIONS = frozenset({"trunk", "taps", "anchors", "ratios"})


@dataclass(frozen=True)
class FitRequest:
    """What the detector has to be, whatever the objects are."""

    imgsz: int = 512
    """Side of the square input in px."""
    model: str = "scale_aware_ssd"
    """A model of the registry whose options include trunk, taps, anchors and ratios."""
    trunk: str = "mobilenet_v2"
    """The network to attach to."""
    resize: str = "stretch"
    """"stretch" or "letterbox"."""
    window: Window = DEFAULT
    """Receptive field / anchor side that is aimed at."""


@dataclass(frozen=True)
class Chosen:
    """The candidate that a recipe is written for."""

    candidate: Candidate
    settings: dict[str, Setting]
    """Model option to its value, with the reason."""

    def model_options(self) -> dict[str, Any]:
        """Return the `model_options` of a recipe."""
        return {name: setting.value for name, setting in self.settings.items()}


@dataclass(frozen=True, eq=False)
class Fitting:
    """What was measured, what was tried, and what came out best."""

    request: FitRequest
    objects: Objects
    sizes: SizeReport
    measured_objects: int
    """Over how many of the objects best IoUs were taken."""
    candidates: tuple[Candidate, ...]
    """By falling score; the published designs are among them."""
    chosen: Chosen

    def published(self, name: str) -> Candidate:
        """Return the published design "paper", "code" or "original"."""
        return next(c for c in self.candidates if c.known_as == name)


def fit_to_objects(annotations: Annotations, request: FitRequest) -> Fitting:
    """Search levels, anchors and ratios for the objects of `annotations`.

    Raises UsageError for a model that has nothing to fit or an unknown trunk, and DataError when
    no object is labelled.
    """
    options = _options(request)
    objects = place_objects(annotations, request.imgsz, request.resize)
    if len(objects.labels) == 0:
        raise DataError("labelled objects", f"none in {annotations.source}", "label some")
    overlaps = Overlaps(objects)
    candidates = ranked(
        [
            *_fitted(objects, overlaps, options, request),
            *_published(objects, overlaps, options, request.window),
        ]
    )
    # The published designs stand on a trunk of their own, whatever was asked for.
    best = next(c for c in candidates if c.design.layout.trunk == request.trunk)
    return Fitting(
        request=request,
        objects=objects,
        sizes=report_sizes(objects),
        measured_objects=len(overlaps.boxes_xyxy),
        candidates=candidates,
        chosen=Chosen(best, settings_of(best, objects, options, request.window)),
    )


def _options(request: FitRequest) -> SsdOptions:
    entry = model_entry(request.model)
    if not _can_be_fitted(entry):
        names = ", ".join(name for name, known in MODELS.items() if _can_be_fitted(known))
        found = f"{request.model}, which has no taps and anchors to fit"
        raise UsageError(f"--model out of {names}", found, "name one of these")
    given = {"imgsz": request.imgsz, "resize": request.resize}
    options: SsdOptions = entry.options(**resolve_options(request.model, given))
    return options


def _can_be_fitted(entry: Entry) -> bool:
    return {field.name for field in fields(entry.options)} >= FITTED_OPTIONS


def _fitted(
    objects: Objects, overlaps: Overlaps, options: SsdOptions, request: FitRequest
) -> list[Candidate]:
    classes, window = len(objects.class_names), request.window
    return [
        measure(design, design_cost(design, options.imgsz, classes), overlaps, options, window)
        for design in propose(objects, overlaps, request.trunk, window)
    ]


def _published(
    objects: Objects, overlaps: Overlaps, options: SsdOptions, window: Window
) -> list[Candidate]:
    return [
        measure(
            published_design(name),
            published_cost(name, options.imgsz, objects.class_names),
            overlaps,
            options,
            window,
            known_as=name,
        )
        for name in TITLES
    ]
