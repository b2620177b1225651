"""The paper's table of receptive fields and anchors, computed again from the network.

Scale-aware SSD, Table 2: receptive field / anchor of two designs.
"""

from __future__ import annotations

from typing import Any

from edgedet.models.tap_points import tap_points
from edgedet.models.trunk import NAMED_TAPS_TRUNK
from edgedet.published import published_table
from edgedet.scales.levels import Level, extra_levels
from edgedet.scales.published_designs import published_design

ATTACHED_BLOCKS = {"original": (14, 18), "custom": (5, 8)}
"""The blocks whose outputs the paper's Table 2 takes the first two fields from. The original
attachment reads inside block 14, after its expansion, and sees less there than the table says."""
TAPS = {"original": "original", "custom": "paper"}
EXTRAS = 2


def table2() -> list[dict[str, Any]]:
    """Return Table 2 as printed and as computed: a row an anchor and design, then the means.

    Keys: design, anchor ("mean" in the last rows), printed_rf, rf (exact, of the blocks that the
    paper names), attached_rf (of what the detector really reads), printed_a_score, a_score (from
    `rf`), attached_a_score, note ("" where everything agrees).
    """
    return [row for design in ATTACHED_BLOCKS for row in _design_rows(design)]


def _design_rows(design: str) -> list[dict[str, Any]]:
    printed = published_table("ssd.T2").rows
    named, attached = _named_levels(design), published_design(TAPS[design]).layout.levels
    rows = []
    for row, level, reads in zip(printed, named, attached, strict=False):
        side: Any = row["anchor"]
        rows.append(
            {
                "design": design,
                "anchor": side,
                "printed_rf": row[f"{design}.rf"],
                "rf": level.field_px,
                "attached_rf": reads.field_px,
                "printed_a_score": row[f"{design}.a_score"],
                "a_score": level.field_px / side,
                "attached_a_score": reads.field_px / side,
                "note": _field_note(row[f"{design}.rf"], level, reads),
            }
        )
    scores = ("a_score", "attached_a_score")
    means = {key: sum(row[key] for row in rows) / len(rows) for key in scores}
    empty = dict.fromkeys(("printed_rf", "rf", "attached_rf"))
    mean = {"design": design, "anchor": "mean", **empty, **means, "note": ""}
    return [*rows, {**mean, "printed_a_score": printed[-1][f"{design}.a_score"]}]


def _named_levels(design: str) -> list[Level]:
    """The levels of the paper's description, fields of the blocks' outputs."""
    points = tap_points(NAMED_TAPS_TRUNK)
    chosen = [points[block - 1] for block in ATTACHED_BLOCKS[design]]
    levels = [Level(f"block {p.block}", p.stride, p.field_px) for p in chosen]
    return [*levels, *extra_levels(levels[-1], EXTRAS)]


def _field_note(printed: Any, level: Level, attached: Level) -> str:
    notes = []
    if printed != level.field_px:
        notes.append(f"printed {printed - level.field_px:g} px too large")
    if attached.field_px != level.field_px:
        notes.append(f"the detector reads {attached.place}, which sees {attached.field_px:g} px")
    return "; ".join(notes)
