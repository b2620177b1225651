"""The whole road on generated shapes: train, evaluate, export, measure, and tell about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from edgedet import model_export
from edgedet.data.shapes import resolve_data
from edgedet.evaluation.report import Report
from edgedet.evaluation.run import Request, run_evaluation
from edgedet.rundir import new_run_dir
from edgedet.runtime.speed_report import SpeedRequest
from edgedet.speed import measure_on_cpu
from edgedet.training.outputs import BEST
from edgedet.training.session import Order, run_training

Result = TypeVar("Result")

RECIPE: dict[str, Any] = {
    "model": "multiscale_shapes",
    "weights": "none",
    # Half the size of the pictures: the network's receptive fields (17, 33 and 65 px) are then as
    # wide as the objects, and in a quarter of the time AP50 is .89 where 224 px gave .76
    # (docs/results/shapes.md).
    "imgsz": 112,
    "model_options": {"anchors": [[8, 12, 16], [24, 32, 48], [48, 64, 96]]},
    "batch": 8,
    "optimizer": "adamw",
    "lr": 0.001,
    "warmup_epochs": 0.5,
    "precision": "bf16-mixed",
    "cache": True,
    "workers": 0,
    "ema_decay": 0.99,
    "eval_every": 2,
}
"""A short training of the shapes detector: enough for clean shapes on two cores in minutes."""


@dataclass
class Demo:
    """What a demo has made so far."""

    folder: Path
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each part took."""

    def timed(self, part: str, work: Callable[[], Result]) -> Result:
        """Return what `work` returns, and keep how long it took under the name of the part."""
        started = time.perf_counter()
        result = work()
        self.seconds[part] = time.perf_counter() - started
        return result


def run_demo(epochs: int, data: str, out: Path | None) -> Path:
    """Walk the road in a new folder and return the path of the HTML report at its end.

    Raises EdgedetError as the verbs do.
    """
    from edgedet.demo_report import Chapters, write_demo_report

    demo = Demo(new_run_dir("demo", out))
    shapes = demo.timed("data", lambda: resolve_data(data, demo.folder))
    trained = demo.timed("train", lambda: _train(demo.folder, shapes, epochs))
    evaluated = demo.timed("eval", lambda: _evaluate(demo.folder, trained / BEST, shapes, "eval"))
    exported = demo.timed("export", lambda: _export(demo.folder, trained / BEST, shapes))
    again = demo.timed(
        "eval of the export", lambda: _evaluate(demo.folder, exported.path, shapes, "eval_onnx")
    )
    speed = demo.timed("bench", lambda: _bench(exported.path, shapes))
    chapters = Chapters(
        trained=trained, evaluated=evaluated, exported=exported, again=again, speed=speed
    )
    return write_demo_report(demo, shapes, chapters)


def _train(folder: Path, shapes: Path, epochs: int) -> Path:
    flags = {**RECIPE, "data": str(shapes), "epochs": epochs}
    run = folder / "train"
    run_training(Order(flags=flags, device="cpu", out=run))
    return run


def _evaluate(folder: Path, model: Path, shapes: Path, name: str) -> Report:
    report, _ = run_evaluation(Request(model, str(shapes)), folder / name)
    return report


def _export(folder: Path, checkpoint: Path, shapes: Path) -> model_export.Report:
    out = folder / "export" / model_export.FILE_NAME
    return model_export.export_model(
        model_export.Request(checkpoint, out, data=str(shapes), split="val")
    )


def _bench(model: Path, shapes: Path) -> dict[str, Any]:
    return measure_on_cpu(model, SpeedRequest(source=str(shapes / "images")))
