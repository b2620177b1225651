"""The demo's report: one HTML file with everything in it, pictures included."""

from __future__ import annotations

import base64
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined

from edgedet import __version__
from edgedet.evaluation.table import number
from edgedet.runtime.atomic import atomic_path
from edgedet.training.charts import training_chart

if TYPE_CHECKING:
    from edgedet import model_export
    from edgedet.demo import Demo
    from edgedet.evaluation.report import Report

TEMPLATE = "demo_report.html.jinja"
FILE_NAME = "report.html"


@dataclass(frozen=True)
class Chapters:
    """The results the report tells about."""

    trained: Path
    """Folder of the training run."""
    evaluated: Report
    """Of the checkpoint."""
    exported: model_export.Report
    again: Report
    """The evaluation of the exported file."""
    speed: Mapping[str, Any]
    """As `edgedet.speed.measure_on_cpu` returns it."""


def write_demo_report(demo: Demo, shapes: Path, chapters: Chapters) -> Path:
    """Write `report.html` into the demo's folder and return its path."""
    template = resources.files("edgedet").joinpath(TEMPLATE).read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    page = environment.from_string(template).render(
        version=__version__,
        minutes=sum(demo.seconds.values()) / 60,
        seconds=demo.seconds,
        folder=demo.folder,
        data=_data(shapes),
        chart=_embedded(training_chart(chapters.trained), "image/svg+xml"),
        epochs=_rows(chapters.trained / "results.csv"),
        quality=_quality(chapters),
        curves=_file(demo.folder / "eval" / "pr_curves.png", "image/png"),
        sheet=_file(demo.folder / "eval" / "sheet.jpg", "image/jpeg"),
        export=_export(chapters.exported),
        speed=chapters.speed,
        tiles=_tiles(chapters),
    )
    path = demo.folder / FILE_NAME
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def _tiles(chapters: Chapters) -> Sequence[tuple[str, str, str]]:
    """Number, what it is, and what to compare it with."""
    torch, onnx = (r.evaluation.total for r in (chapters.evaluated, chapters.again))
    worst = min(chapters.again.evaluation.per_class.items(), key=lambda item: item[1].ap50)
    frame = chapters.speed["frame_to_result"]
    size_mb = chapters.exported.path.stat().st_size / 1e6
    return (
        (number(onnx.ap50), "AP50 of the exported model", f"PyTorch {number(torch.ap50)}"),
        (number(worst[1].ap50), "AP50 of its weakest class", worst[0]),
        (f"{frame['fps']:.0f}", "frames a second on this CPU", f"{frame['median_ms']:.1f} ms each"),
        (f"{size_mb:.1f} MB", "model.onnx", "weights, decoding and contract"),
    )


def _data(shapes: Path) -> dict[str, Any]:
    from edgedet.data.opening import open_annotations
    from edgedet.evaluation.montage import labelled_montage

    parts = {split: open_annotations(str(shapes), split) for split in ("train", "val")}
    return {
        "parts": [
            (split, len(part.images), dict(zip(part.class_names, part.counts(), strict=True)))
            for split, part in parts.items()
        ],
        "classes": parts["train"].class_names,
        "picture": _embedded(labelled_montage(parts["train"], count=6), "image/jpeg"),
    }


def _quality(chapters: Chapters) -> Sequence[tuple[str, int, Sequence[str]]]:
    """Name, objects, and AP, AP50, AP75 of the checkpoint, then of the export."""
    first, second = chapters.evaluated.evaluation, chapters.again.evaluation
    pairs = [("all", first.total, second.total)]
    pairs += [(n, s, second.per_class[n]) for n, s in first.per_class.items()]
    pairs += [
        (f"{n} (size)", s, second.per_bucket[n]) for n, s in first.per_bucket.items() if s.objects
    ]
    return [
        (name, a.objects, [number(v) for s in (a, b) for v in (s.ap, s.ap50, s.ap75)])
        for name, a, b in pairs
    ]


def _export(report: model_export.Report) -> dict[str, Any]:
    from edgedet.export_table import parity_rows

    return {"path": report.path, "rows": parity_rows(report), "parity": report.parity}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _file(path: Path, kind: str) -> str:
    return _embedded(path.read_bytes(), kind)


def _embedded(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
