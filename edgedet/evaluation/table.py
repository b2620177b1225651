"""The numbers of an evaluation as a table for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from edgedet.evaluation.coco import Scores
    from edgedet.evaluation.cut import CutReport
    from edgedet.evaluation.report import Report

COLUMNS = ("objects", "AP", "AP50", "AP75", "AR")


def table_text(report: Report) -> str:
    """Return the table with its heading and notes; coloured when stdout is a terminal."""
    console = Console()
    with console.capture() as capture:
        console.print(Group(_heading(report), _table(report), *_notes(report)), soft_wrap=True)
    return capture.get().rstrip("\n")


def number(value: float) -> str:
    """A share with three digits; ``-`` for what does not exist."""
    return "-" if math.isnan(value) else f"{value:.3f}"


def _heading(report: Report) -> Text:
    images = len(report.annotations.images)
    heading = Text(report.title, style="bold")
    heading.append(f": {images} images", style="default")
    return heading


def _table(report: Report) -> Table:
    evaluation = report.evaluation
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("", no_wrap=True)
    for column in COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    _add(table, "all", evaluation.total, style="bold")
    table.add_section()
    for bucket in report.buckets:
        _add(table, bucket.label, evaluation.per_bucket[bucket.name])
    table.add_section()
    for name, scores in evaluation.per_class.items():
        _add(table, name, scores)
    return table


def _add(table: Table, name: str, scores: Scores, style: str | None = None) -> None:
    numbers = (scores.ap, scores.ap50, scores.ap75, scores.recall)
    # A class may be called "[red]": its name is text, never markup.
    table.add_row(Text(name), str(scores.objects), *map(number, numbers), style=style)


def _notes(report: Report) -> list[Text]:
    thresholds = report.subject.thresholds
    return [
        Text(""),
        Text(
            f"score >= {thresholds.score:g}, NMS IoU {thresholds.iou:g}, "
            f"at most {thresholds.max_detections} detections an image"
        ),
        Text(_cut_line(report.cut)),
        Text(f"best F1: {_cut_line(report.best)}"),
    ]


def _cut_line(cut: CutReport) -> str:
    return (
        f"score > {cut.cut:g} at IoU 0.5: precision {number(cut.precision)}, "
        f"recall {number(cut.recall)}, F1 {number(cut.f1)} "
        f"({cut.hits} hits, {cut.misses} missed, {cut.false_alarms} false alarms); "
        f"AP {number(cut.scores.ap)}, AP50 {number(cut.scores.ap50)}"
    )
