"""The files of a report: Markdown for people, JSON for programs, three pictures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edgedet.runtime.atomic import atomic_path

from .accuracy_chart import write_accuracy_chart
from .histogram_chart import write_histograms
from .layer_chart import write_layers
from .pictures import ACCURACY, HISTOGRAMS, LAYERS
from .text import report_text

if TYPE_CHECKING:
    from edgedet.calibration.statistics import Statistics

    from .report import Int8Report

REPORT, TEXT = "int8.json", "int8.md"


def write_report(report: Int8Report, statistics: Statistics) -> None:
    """Write all files into the folder of the request; each appears when it is complete."""
    out = report.request.out
    write_accuracy_chart(out / ACCURACY, report)
    write_histograms(out / HISTOGRAMS, report, statistics)
    (out / LAYERS).unlink(missing_ok=True)
    if any(form.sensitivity is not None for form in report.forms):
        write_layers(out / LAYERS, report)
    with atomic_path(out / REPORT) as temporary:
        temporary.write_text(json.dumps(report.to_json(), indent=1) + "\n", encoding="utf-8")
    with atomic_path(out / TEXT) as temporary:
        temporary.write_text(report_text(report), encoding="utf-8")
