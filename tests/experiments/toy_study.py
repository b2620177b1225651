"""A study whose detectors are the toy of the training tests: seconds for all of its runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training_toys import register_toy, write_coco

from edgedet.experiments.reproduction import Request
from edgedet.experiments.sheet import Sheet
from edgedet.experiments.studies import STUDIES
from edgedet.experiments.study import Comparison, Computed, Metric, Study
from edgedet.experiments.variant import NotRunError, Printed, Subject, Variant

NAME = "toy-study"
FLAGS: dict[str, Any] = {"weights": "none", "batch": 3, "imgsz": 32, "workers": 0, "epochs": 2}


def _many_classes(subject: Subject) -> dict[str, Any]:
    raise NotRunError(f"needs 9 classes, here are {subject.classes}")


PLAIN = Variant("plain", "plain toy", "toy", {}, Printed("ssd.T7", "sampler", "basic_3to1"))
DROPOUT = Variant("dropout", "more dropout", "toy", {"model_options": {"dropout": 0.2}})
AGAIN = Variant("again", "plain, said otherwise", "toy", {"model_options": {"dropout": 0.1}})
WIDE = Variant("wide", "wide toy", "toy", _many_classes, note="a note")
METRICS = (Metric("ap", "mAP", "mAP"), Metric("ap50", "AP50", "AP50"))


def toy_study() -> Study:
    table = Comparison(
        "1", "Table 1: toys", (PLAIN, DROPOUT, AGAIN, WIDE), METRICS, "plain", footnotes=("True.",)
    )
    alone = Comparison("2", "Table 2: dropout", (DROPOUT,), METRICS, "dropout")
    fixed = Computed("3", "Table 3", lambda scene: Sheet("3", "Table 3", ("a",), (("1",),)))
    return Study(NAME, "toy", (table, alone, fixed), usual=("1",), footnotes=("Toys.",))


def register_toy_study() -> None:
    register_toy()
    STUDIES[NAME] = toy_study


def request(folder: Path, **changes: Any) -> Request:
    """On generated images in `folder`/data, which are made when they are not there."""
    if not (folder / "data").exists():
        write_coco(folder / "data")
    flags = {**FLAGS, "data": str(folder / "data"), **changes.pop("flags", {})}
    settings = {"seeds": 1, "device": "cpu", "out": folder / "out", **changes}
    return Request(NAME, flags, **settings)
