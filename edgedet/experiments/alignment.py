"""How an SSD's receptive fields suit its anchors, computed from its network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from edgedet.experiments.scene import Scene
from edgedet.experiments.sheet import NOTHING, Sheet
from edgedet.models.anchors import a_score, square_sides
from edgedet.models.receptive_field import receptive_fields
from edgedet.models.registry import resolve_options
from edgedet.models.ssd_detector import ssd_maps
from edgedet.models.ssd_options import SsdOptions
from edgedet.recipe import Recipe
from edgedet.scales.published_alignment import table2


def a_score_text(recipe: Recipe) -> str:
    """Return the A-score of the SSD that a recipe builds, from exact receptive fields."""
    options = SsdOptions(**resolve_options(recipe.model, recipe.model_options))
    with torch.device("meta"):
        maps = ssd_maps(options)
    fields = [field.size for field in receptive_fields(maps, through_gates=True)]
    sides = [square_sides(sizes, options.anchor_measure) for sizes in options.anchors]
    return f"{a_score(fields, sides):.2f}"


def alignment_sheet(scene: Scene) -> Sheet:
    """Return the paper's Table 2: receptive fields and A-scores, printed and exact."""
    rows = table2()
    notes = [
        f"{row['design']}, anchor {row['anchor']}: {row['note']}." for row in rows if row["note"]
    ]
    read = {row["design"]: row["attached_a_score"] for row in rows if row["anchor"] == "mean"}
    return Sheet(
        name="2",
        title="Table 2: receptive fields and A-scores",
        columns=("design", "anchor", "field, printed", "field", "A-score, printed", "A-score"),
        rows=tuple(_cells(row) for row in rows),
        footnotes=(
            "field: side of the receptive field in px, computed from the network layer by layer "
            "for the blocks that the paper names.",
            *notes,
            "Mean A-score of what the detectors here read: "
            + ", ".join(f"{design} {score:.2f}" for design, score in read.items())
            + ".",
        ),
    )


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    decimals = 2 if row["anchor"] == "mean" else 1
    return (
        row["design"],
        str(row["anchor"]),
        *(NOTHING if row[key] is None else f"{row[key]:g}" for key in ("printed_rf", "rf")),
        f"{row['printed_a_score']:.1f}",
        f"{row['a_score']:.{decimals}f}",
    )
