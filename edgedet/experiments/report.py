"""What `edgedet reproduce` prints."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from edgedet.experiments.sheet import terminal

if TYPE_CHECKING:
    from edgedet.experiments.reproduction import Reproduction

SCHEMA_VERSION = 1


def report_text(made: Reproduction, *, as_json: bool) -> str:
    """Return the tables for a terminal, or as one JSON object with what this call did."""
    if as_json:
        content = {
            "schema_version": SCHEMA_VERSION,
            "folder": str(made.folder),
            "did": asdict(made.outcome),
            "tables": [sheet.as_json() for sheet in made.sheets],
        }
        return json.dumps(content, indent=2, ensure_ascii=False)
    did = made.outcome
    counts = {
        "trained": did.trained,
        "finished before": did.already,
        "held by other processes": did.held,
        "left for want of time": did.left,
        "failed": len(did.failures),
    }
    told = ", ".join(f"{n} {words}" for words, n in counts.items() if n) or "nothing to train"
    return f"{terminal(made.sheets)}\n\nruns: {told}; tables in {made.folder}"
