"""The files of a training run: checkpoints, rows of numbers, TensorBoard events, metrics."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from edgedet.runtime.atomic import atomic_path
from edgedet.training.checkpoint import save_checkpoint
from edgedet.training.parts import Place
from edgedet.training.results_csv import ResultsCsv

LAST = "model.pt"
BEST = "best.pt"
METRICS = "metrics.json"
METRICS_SCHEMA_VERSION = 1

Row = Mapping[str, float | int | None]


class Outputs:
    """What the one process that writes puts into the folder of a run."""

    def __init__(self, folder: Path, identity: Mapping[str, Any], place: Place) -> None:
        """`identity` holds the keys of a checkpoint that stay the same while training."""
        self._folder = folder
        self._identity = identity
        self._csv = ResultsCsv(folder / "results.csv", place.epoch)
        self._events = SummaryWriter(str(folder), purge_step=place.epoch + 1)

    def save(self, state: Mapping[str, Any], name: str = LAST) -> Path:
        """Write a checkpoint and return its path."""
        path = self._folder / name
        save_checkpoint(path, {**self._identity, **state})
        return path

    def log(self, row: Row) -> None:
        """Add the row of an epoch to `results.csv` and to TensorBoard."""
        self._csv.add(row)
        for name, value in row.items():
            if name != "epoch" and value is not None:
                self._events.add_scalar(_tag(name), value, row["epoch"])
        self._events.flush()

    def write_metrics(self, place: Place, row: Row) -> None:
        """Write `metrics.json`: the best evaluation and the last epoch."""
        best = {"epoch": place.best.epoch, "value": _json_number(place.best.value)}
        metrics = {
            "schema_version": METRICS_SCHEMA_VERSION,
            "model": self._identity["builder"],
            "epochs": place.epoch,
            "steps": place.step,
            "best": {"by": self._identity["recipe"]["select"], **best},
            "last": {name: _json_number(value) for name, value in row.items()},
        }
        with atomic_path(self._folder / METRICS) as temporary:
            temporary.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")

    def close(self) -> None:
        """Finish the event file."""
        self._events.close()


def _tag(name: str) -> str:
    """TensorBoard groups by the part before the slash."""
    group = "loss" if name.startswith("loss") else "val" if name.startswith("ap") else "train"
    return f"{group}/{name}"


def _json_number(value: float | int | None) -> float | int | None:
    return value if value is not None and math.isfinite(value) else None


def metrics_text(folder: Path) -> str:
    """Return `metrics.json` of a run with the path of its best checkpoint, as one JSON object."""
    metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    return json.dumps({**metrics, "checkpoint": str(folder / BEST)}, indent=2)
