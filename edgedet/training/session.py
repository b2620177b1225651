"""One `edgedet train`: from a recipe and labelled images to the folder of a run."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from lightning.fabric import Fabric

from edgedet.data.augment import build_augmentation
from edgedet.data.shapes import resolve_data
from edgedet.data.shapes_options import is_shapes
from edgedet.models.registry import resolve_options
from edgedet.qat.calibrated_plan import calibrated_plan
from edgedet.qat.fake_quantisation import attach_fake_quantisation
from edgedet.qat.plan import KEY as INT8_KEY
from edgedet.qat.plan import Int8Plan, plan_of
from edgedet.recipe import Recipe, recipe_to_yaml
from edgedet.recipe_file import as_plain
from edgedet.rundir import new_run_dir
from edgedet.runtime.atomic import atomic_path
from edgedet.runtime.errors import ModelError, UsageError
from edgedet.training.assembly import build_parts, build_plan
from edgedet.training.detector import model_options, new_detector
from edgedet.training.devices import open_fabric
from edgedet.training.fine_tuning import Origin, starting_recipe
from edgedet.training.heap import keep_freed_memory
from edgedet.training.interruption import stop_on_signals
from edgedet.training.labelled import Labelled, open_labelled
from edgedet.training.loop import train
from edgedet.training.outputs import Outputs
from edgedet.training.parts import Parts, Place
from edgedet.training.resuming import check_resumable, checkpoint_to_resume, resumed_recipe
from edgedet.training.snapshot import restore
from edgedet.training.validation import validation

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Order:
    """What the command line asked for."""

    recipe_file: Path | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the recipe that were given as flags."""
    device: str = "auto"
    out: Path | None = None
    resume: Path | None = None
    """A checkpoint, or the folder of the run to go on with."""
    until: float = math.inf
    """When to save and stop as after SIGTERM, in seconds of `time.monotonic`."""


class Start(NamedTuple):
    """The checkpoint that a run goes on from."""

    file: Path
    state: dict[str, Any]


def run_training(order: Order) -> Path | None:
    """Train, and return the run's folder: a new one, or that of the checkpoint resumed from.

    Of several processes the first one returns it, the others None: a result is told once.
    Raises EdgedetError for whatever the user can mend, Interrupted after Ctrl-C or SIGTERM.
    """
    start = Start(*checkpoint_to_resume(order.resume)) if order.resume else None
    recipe, origin = _recipe(order, start)
    fabric = open_fabric(order.device, recipe.precision, several=True)
    fabric.launch()
    if fabric.device.type == "cpu":
        keep_freed_memory()
    folder = _run_folder(fabric, order, start) if is_shapes(recipe.data) else None
    labelled = _labelled(fabric, recipe, folder)
    if start:
        check_resumable(start.state, recipe, labelled.fingerprint(), fabric.world_size)
    options = model_options(recipe, labelled.train.counts())
    module = new_detector(recipe, labelled, options, trained=start is None and origin is None)
    if origin:
        origin.load_into(module, labelled.train)
    plan = _int8_plan(fabric, module, recipe, labelled, start) if recipe.qat else None
    if plan:
        attach_fake_quantisation(module, plan)
    parts = build_parts(fabric, module, recipe, labelled.train)
    place = restore(parts, start.state, start.file) if start else Place()
    folder = folder or _run_folder(fabric, order, start)
    identity = _identity(recipe, labelled, options, fabric.world_size)
    identity |= {INT8_KEY: plan.to_plain()} if plan else {}
    _run(parts, recipe, place, labelled, _Writing(folder, identity, order.until))
    return folder if fabric.is_global_zero else None


class _Writing(NamedTuple):
    folder: Path
    identity: dict[str, Any]
    until: float


def _run(parts: Parts, recipe: Recipe, place: Place, labelled: Labelled, writing: _Writing) -> None:
    plan = build_plan(recipe, parts.batches.per_epoch)
    validate = validation(labelled.val, parts.fabric.device)
    outputs = None
    if parts.fabric.is_global_zero:
        _write_recipe(writing.folder, recipe)
        outputs = Outputs(writing.folder, writing.identity, place)
    with stop_on_signals(writing.until) as stop, closing(outputs) if outputs else nullcontext():
        if recipe.qat and outputs and place.step == 0:
            before = getattr(validate(parts.best_module()), recipe.select)
            log.info("%s in INT8 before the first step: %.4f", recipe.select.upper(), before)
        train(parts, plan, place, validate, outputs, stop)


def _recipe(order: Order, start: Start | None) -> tuple[Recipe, Origin | None]:
    origin = None
    if start is None:
        recipe, origin = starting_recipe(order.recipe_file, order.flags)
    elif order.out:
        fix = "leave --out out: a resumed run goes on in its own folder"
        raise UsageError("--resume without --out", str(order.out), fix)
    else:
        recipe = resumed_recipe(start.state, order.recipe_file, order.flags)
    # Wrong names are told before shapes are generated.
    resolve_options(recipe.model, {**recipe.model_options, "imgsz": recipe.imgsz})
    build_augmentation(recipe.augment)
    if not recipe.data:
        fix = "give --data PATH, or --data shapes"
        raise UsageError("labelled images", "no --data", fix)
    return recipe, origin


def _int8_plan(
    fabric: Fabric, module: Any, recipe: Recipe, labelled: Labelled, start: Start | None
) -> Int8Plan:
    """The first process calibrates for all; a resumed run has the ranges that it began with."""
    if start:
        plan = plan_of(start.state, start.file)
        if plan is None:
            fix = "start a new run with --qat --from"
            raise ModelError(f"ranges of INT8 in {start.file}", "none", fix)
        return plan
    found = calibrated_plan(module, labelled.train, recipe) if fabric.is_global_zero else None
    plain: Any = fabric.broadcast(found.to_plain() if found else None)
    return Int8Plan(**plain)


def _run_folder(fabric: Fabric, order: Order, start: Start | None) -> Path:
    """Made by the first process, known to all."""
    if start:
        return start.file.parent
    folder = new_run_dir("train", order.out) if fabric.is_global_zero else Path()
    return Path(fabric.broadcast(str(folder)))


def _labelled(fabric: Fabric, recipe: Recipe, folder: Path | None) -> Labelled:
    """Open the data; the first process has generated the shapes before another opens them."""
    data = recipe.data
    if folder is not None:
        made = str(resolve_data(data, folder)) if fabric.is_global_zero else ""
        data = fabric.broadcast(made)
    return open_labelled(data, recipe.bbox_mode)


def _identity(
    recipe: Recipe, labelled: Labelled, options: dict[str, Any], world_size: int
) -> dict[str, Any]:
    """The keys of a checkpoint that stay the same while training."""
    return {
        "builder": recipe.model,
        "class_names": list(labelled.train.class_names),
        "options": as_plain(options),
        "data_fingerprint": labelled.fingerprint(),
        "recipe": as_plain(asdict(recipe)),
        # Random numbers are a function of the seed and the place: there is no state to save.
        "rng": {"seed": recipe.seed},
        "world_size": world_size,
    }


def _write_recipe(folder: Path, recipe: Recipe) -> None:
    with atomic_path(folder / "recipe.yaml") as temporary:
        temporary.write_text(recipe_to_yaml(recipe), encoding="utf-8")
