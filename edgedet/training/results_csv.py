"""`results.csv`: one row for each epoch, and none twice however often a run is resumed."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from edgedet.runtime.atomic import atomic_path


class ResultsCsv:
    """Rows with the same columns, the first of which is `epoch`."""

    def __init__(self, path: Path, epochs_done: int) -> None:
        """Go on after `epochs_done` epochs: later rows, of a run that was killed before it
        saved, are dropped; 0 starts anew.
        """
        self._path = path
        self._rows = [row for row in _read(path) if int(row["epoch"]) <= epochs_done]

    def add(self, row: Mapping[str, float | int | None]) -> None:
        """Append a row; None leaves a cell empty. The file on disk is always whole."""
        self._rows.append({k: "" if v is None else f"{v:.7g}" for k, v in row.items()})
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self._rows[-1]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._rows)
        with atomic_path(self._path) as temporary:
            temporary.write_text(text.getvalue(), encoding="utf-8")


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
