"""What the command line asks of INT8, checked before anything is computed."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, cast

from edgedet.calibration.placement import Form
from edgedet.data.opening import splits_of
from edgedet.data.shapes_options import is_shapes
from edgedet.engine_plans import CUDA, JETSON, RTX
from edgedet.export.targets import target_named
from edgedet.export_recipe import ExportRecipe
from edgedet.int8.request import AUTO, Int8Request
from edgedet.model_export import Request
from edgedet.recipe_file import recipe_key
from edgedet.runtime.devices import device_named
from edgedet.runtime.engine_options import INT8
from edgedet.runtime.errors import DataError, DeviceError, UsageError


class Flags(NamedTuple):
    """Those of INT8; None where they are not given."""

    method: str | None = None
    max_drop: float | None = None


def int8_wish(int8: bool, flags: Flags, device: str | None, request: Request) -> Int8Request | None:
    """Return what is asked for, its model and place still to be filled in; None without --int8.

    Raises UsageError for flags and settings that cannot be, and without data, DataError for data
    without a part to calibrate on and one to measure on, DeviceError for a device or target without
    INT8.
    """
    if not int8:
        _require_none(flags)
        return None
    _require_int8_on(device)
    _require_int8_on(None if request.target is None else target_named(request.target).device)
    if request.data is None:
        expected = "--data with --int8: the ranges of INT8 come of real images, and labels tell"
        fix = "name a labelled data set with a part to calibrate on and one to measure on"
        raise UsageError(f"{expected} what it costs", "none", fix)
    recipe = request.recipe
    _require_parts(request.data, recipe.calibration_split, request.split)
    return Int8Request(
        model=request.model,
        data=request.data,
        out=Path(),
        forms=cast("tuple[Form, ...]", recipe.forms),
        method=AUTO if flags.method is None else flags.method,
        max_drop=Int8Request.max_drop if flags.max_drop is None else flags.max_drop,
        max_drop_smallest=recipe.max_drop_smallest,
        budget_minutes=recipe.budget_minutes,
        images=recipe.images,
        calibration_split=recipe.calibration_split,
        split=request.split,
        bbox_mode=recipe.bbox_mode,
        buckets=recipe.buckets,
        seed=recipe.seed,
    )


def _require_int8_on(device: str | None) -> None:
    """Raise DeviceError for a named device whose GPU has no INT8; "" and None name none."""
    if not device or device.lower() in (RTX, JETSON, CUDA):
        return
    named = device_named(device)
    if INT8 not in named.precisions:
        fix = "leave --int8 out: FP16 is the fastest there"
        raise DeviceError(f"INT8 on the {named.name}", named.why_not(INT8), fix)


def require_tensorrt_form(recipe: ExportRecipe, what: str) -> None:
    """Raise UsageError unless the form is made whose accuracy stands for TensorRT's."""
    if "tensorrt" not in recipe.forms:
        found = f"{', '.join(recipe.forms)} alone"
        expected = f"{recipe_key('forms')} with tensorrt for {what}"
        raise UsageError(expected, found, "add it, or leave the key out")


def _require_none(flags: Flags) -> None:
    idle = [
        f"--{name.replace('_', '-')}"
        for name, value in flags._asdict().items()
        if value is not None
    ]
    if idle:
        found = f"{' and '.join(idle)} without --int8"
        raise UsageError("--int8 with flags of INT8", found, "add --int8 --data DATA")


def _require_parts(data: str, calibration: str, measured: str) -> None:
    """INT8 that is judged by the images that made it looks better than it is."""
    if calibration == measured:
        fix = f"change --split or the {recipe_key('calibration_split')}"
        expected = "AP of INT8 on other images than those it is calibrated on"
        raise UsageError(expected, f"both on {measured}", fix)
    parts = () if is_shapes(data) else splits_of(data)
    missing = [part for part in (calibration, measured) if parts and part not in parts]
    if missing:
        fix = f"name a folder with both, or others (--split, {recipe_key('calibration_split')})"
        expected = f"data with the parts {calibration} (to calibrate on) and {measured} (for AP)"
        raise DataError(expected, f"{' and '.join(parts)} alone in {data}", fix)
