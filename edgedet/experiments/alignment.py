"""How an SSD's receptive fields suit its anchors, computed from its network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from edgedet.experiments.scene import Scene
from edgedet.experiments.sheet import Sheet
from edgedet.models.anchors import a_score
from edgedet.models.receptive_field import receptive_fields
from edgedet.models.registry import resolve_options
from edgedet.models.ssd_detector import ssd_maps
from edgedet.models.ssd_options import SsdOptions
from edgedet.published import published_table
from edgedet.recipe import Recipe

PRINTED = "ssd.T2"
OURS: dict[str, str | tuple[int, ...]] = {"original": (14, 18), "custom": "paper"}
"""The printed columns, and where the paper takes the heads to attach."""


def fields_px(options: SsdOptions) -> tuple[float, ...]:
    """Return the receptive field of each level in px of the input; nothing is trained or loaded."""
    with torch.device("meta"):
        maps = ssd_maps(options)
    return tuple(field.size for field in receptive_fields(maps, through_gates=True))


def a_score_text(recipe: Recipe) -> str:
    """Return the A-score of the SSD that a recipe builds, from exact receptive fields."""
    options = SsdOptions(**resolve_options(recipe.model, recipe.model_options))
    return f"{a_score(fields_px(options), options.anchors):.2f}"


def alignment_sheet(scene: Scene) -> Sheet:
    """Return the paper's Table 2: receptive fields and A-scores, printed and exact."""
    printed = published_table(PRINTED).rows
    sides = [float(row["anchor"]) for row in printed[:-1]]  # type: ignore[arg-type]
    cells = [_cells(name, taps, sides, printed) for name, taps in OURS.items()]
    names = [f"{side:g} px" for side in sides] + ["mean"]
    columns = [f"{name}, {what}" for name in OURS for what in ("field", "A-score")]
    return Sheet(
        name="2",
        title="Table 2: receptive field and A-score of each anchor, ours (printed)",
        columns=("anchor", *columns),
        rows=tuple((name, *left, *right) for name, left, right in zip(names, *cells, strict=True)),
        footnotes=(
            "Ours are computed from the network layer by layer. The printed fields of the extra "
            "layers are 2 px (first) and 4 px (second) too large; the mean A-scores round to the "
            "printed 10.6 and 2.3 all the same.",
            f"original: the paper takes the end of block 14. The SSD that TensorFlow ships, and "
            f"the variant `original` here, read the expansion of that block: "
            f"{_original(sides)}.",
        ),
    )


def _original(sides: Sequence[float]) -> str:
    fields = fields_px(SsdOptions(taps="original"))
    return f"field {fields[0]:g} px, mean A-score {a_score(fields, sides):.2f}"


def _cells(
    name: str, taps: str | tuple[int, ...], sides: Sequence[float], printed: Sequence[Any]
) -> list[tuple[str, str]]:
    fields = fields_px(SsdOptions(taps=taps, anchors=tuple(sides)))
    ratios = [field / side for field, side in zip(fields, sides, strict=True)]
    exact = [f"{field:g}" for field in fields]
    scores = [f"{ratio:.1f}" for ratio in ratios]
    rows = zip([*exact, ""], [*scores, f"{a_score(fields, sides):.2f}"], printed, strict=True)
    return [
        (_beside(field, row[f"{name}.rf"]), _beside(score, row[f"{name}.a_score"]))
        for field, score, row in rows
    ]


def _beside(ours: str, printed: object) -> str:
    return f"{ours} ({printed})" if printed is not None else ours
