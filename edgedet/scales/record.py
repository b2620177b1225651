"""The fit as plain values for JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from edgedet.scales.advice import advice, remarks
from edgedet.scales.candidates import Candidate
from edgedet.scales.fitting import Fitting
from edgedet.scales.shortlist import shortlist
from edgedet.scales.sizes import PERCENTILES, SizeRow

SCHEMA_VERSION = 1


def as_record(fitting: Fitting, data: str) -> dict[str, Any]:
    """Return sizes, the candidates that the table shows, what was chosen and why."""
    sizes = fitting.sizes
    return {
        "schema_version": SCHEMA_VERSION,
        "data": data,
        "request": asdict(fitting.request),
        "sizes": {
            "images": sizes.images,
            "empty_images": sizes.empty_images,
            "objects_per_image": asdict(sizes.per_image),
            "classes": [_row(row) for row in sizes.rows],
            "too_small": asdict(sizes.too_small),
        },
        "objects_measured": fitting.measured_objects,
        "candidates": [
            candidate_record(c, chosen=c is fitting.chosen.candidate)
            for c in shortlist(fitting.candidates)
        ],
        "model_options": fitting.chosen.model_options(),
        "reasons": {name: s.reason for name, s in fitting.chosen.settings.items()},
        "advice": advice(fitting),
        "remarks": remarks(fitting),
    }


def _row(row: SizeRow) -> dict[str, Any]:
    record: dict[str, Any] = {"class": row.name, "objects": row.objects}
    for name in ("side_px", "relative_diagonal", "ratio"):
        pairs = zip(PERCENTILES, getattr(row, name), strict=True)
        record[name] = {f"p{p}": None if math.isnan(v) else v for p, v in pairs}
    return record


def candidate_record(candidate: Candidate, *, chosen: bool = False) -> dict[str, Any]:
    """Return one candidate: its options, levels, measures and rank."""
    design = candidate.design
    scores = iter(design.a_scores.tolist())
    return {
        "sizes_from": design.origin,
        "known_as": candidate.known_as or None,
        "chosen": chosen,
        "options": design.options(),
        "levels": [
            {**level._asdict(), "sides_px": sides, "a_scores": [next(scores) for _ in sides]}
            for level, sides in zip(design.layout.levels, design.anchors, strict=True)
        ],
        "aligned": candidate.aligned,
        **{name: getattr(candidate, name) for name in _MEASURES},
    }


_MEASURES = (
    "a_score",
    "mean_best_iou",
    "p5_best_iou",
    "worst_best_iou",
    "share_positive",
    "share_matched",
    "anchors",
    "macs",
    "parameters",
    "fit",
    "score",
    "on_front",
)
