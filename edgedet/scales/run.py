"""One run of `edgedet scales`: from a data set to tables, a picture, JSON and a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from json import dumps
from pathlib import Path

from edgedet.checks.report import CheckReport, counted
from edgedet.data.opening import open_annotations
from edgedet.data.shapes import resolve_data
from edgedet.data.shapes_options import is_shapes
from edgedet.rundir import new_run_dir
from edgedet.runtime.atomic import atomic_path
from edgedet.scales.advice import advice
from edgedet.scales.chart import write_chart
from edgedet.scales.fitting import FitRequest, Fitting, fit_to_objects
from edgedet.scales.recipe_file import check_new, data_as_seen_from, recipe_text, write_recipe
from edgedet.scales.record import as_record
from edgedet.scales.setting import Setting


@dataclass(frozen=True)
class Order:
    """What `edgedet scales` is to do."""

    data: str
    """A data set as `open_annotations` knows it, or "shapes"."""
    fit: FitRequest
    split: str = "train"
    bbox_mode: str = "xywh"
    recipe: Path | None = None
    """Where to write the recipe; nowhere when None."""

    def __post_init__(self) -> None:
        """Raise UsageError, before the data is looked at, when `recipe` exists."""
        if self.recipe is not None:
            check_new(self.recipe)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of it."""

    fitting: Fitting
    folder: Path
    """Holds `scales.png` and `scales.json`."""
    json: str


def run_scales(order: Order, out: Path | None = None, checks: CheckReport | None = None) -> Outcome:
    """Fit, write picture, JSON (with `checks`, if given) and recipe, and return all.

    Raises UsageError or DataError; all that can be known beforehand is checked before a folder
    is made.
    """
    # Generated shapes need the folder first.
    folder = new_run_dir("scales", out) if is_shapes(order.data) else None
    data = resolve_data(order.data, folder) if folder else order.data
    annotations = open_annotations(data, order.split, order.bbox_mode)
    fitting = fit_to_objects(annotations, order.fit)
    folder = folder or new_run_dir("scales", out)
    found = {"checks": checks.to_dict()} if checks else {}
    text = dumps({**as_record(fitting, order.data), **found}, indent=2)
    with atomic_path(folder / "scales.json") as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    write_chart(folder / "scales.png", fitting, f"{order.data} ({order.split})")
    if order.recipe is not None:
        write_recipe(order.recipe, _recipe(order, order.recipe, fitting))
    return Outcome(fitting, folder, text)


def _recipe(order: Order, path: Path, fitting: Fitting) -> str:
    request = order.fit
    heading = f"Written by edgedet scales for {order.data} ({order.split}). {advice(fitting)}"
    seen = data_as_seen_from(path, order.data)
    objects = counted(len(fitting.objects.labels), "object")
    images = counted(fitting.sizes.images, "image")
    keys = {
        "model": Setting(request.model, "what is not set here has the defaults of this model"),
        "data": Setting(seen, f"measured: {objects} on {images} of its {order.split} part"),
        "imgsz": Setting(request.imgsz, _input_reason(fitting)),
    }
    if order.bbox_mode != "xywh":
        keys["bbox_mode"] = Setting(order.bbox_mode, "the boxes of these files hold corners")
    return recipe_text(heading, keys, fitting.chosen.settings)


def _input_reason(fitting: Fitting) -> str:
    sides = fitting.sizes.rows[0].side_px
    return (
        f"as asked for; objects have sides of {sides[1]:.1f} to {sides[5]:.1f} px there (p5, p95)"
    )
