"""From a recipe's words to the objects that the loop works with."""

from __future__ import annotations

from typing import Any

from lightning.fabric import Fabric
from torch import nn

from edgedet.data import mosaic
from edgedet.data.annotations import Annotations
from edgedet.data.augment import build_augmentation
from edgedet.data.dataset import DetectionDataset
from edgedet.data.loader import EpochSampler, LoaderOptions, build_loader
from edgedet.recipe import Recipe
from edgedet.training.batches import LoaderBatches
from edgedet.training.ema import Ema
from edgedet.training.optimizer import build_optimizer
from edgedet.training.parts import Parts, Plan
from edgedet.training.schedule import Schedule


def build_parts(fabric: Fabric, module: nn.Module, recipe: Recipe, train: Annotations) -> Parts:
    """Return what a step works with, on Fabric's device."""
    optimizer = build_optimizer(
        module,
        recipe.optimizer,
        recipe.lr,
        recipe.weight_decay,
        recipe.momentum,
        fused=recipe.precision != "16-mixed",
    )
    model, set_up = fabric.setup(module, optimizer)
    model.mark_forward_method("loss")
    return Parts(
        fabric=fabric,
        module=module,
        model=model,
        optimizer=set_up,
        raw_optimizer=optimizer,
        ema=Ema(module, recipe.ema_decay) if recipe.ema_decay else None,
        batches=_batches(fabric, module, recipe, train),
    )


def build_plan(recipe: Recipe, batches_per_epoch: int) -> Plan:
    """Return the numbers of the loop; a step of the schedule is one of the optimiser."""
    steps = -(-batches_per_epoch // recipe.accumulate)
    return Plan(
        epochs=recipe.epochs,
        lr=recipe.lr,
        schedule=Schedule(
            kind=recipe.schedule,
            steps=recipe.epochs * steps,
            warmup_steps=round(recipe.warmup_epochs * steps),
            milestones=recipe.milestones,
            step_factor=recipe.step_factor,
            final_factor=recipe.final_lr_factor,
        ),
        accumulate=recipe.accumulate,
        clip_norm=recipe.clip_norm,
        eval_every=recipe.eval_every,
        patience=recipe.patience,
        select=recipe.select,
        seed=recipe.seed,
    )


def _batches(fabric: Fabric, module: Any, recipe: Recipe, train: Annotations) -> LoaderBatches:
    dataset = DetectionDataset(
        train,
        module.spec,
        augment=build_augmentation(recipe.augment),
        with_mosaic=mosaic.NAME in recipe.augment,
        cache=recipe.cache,
        seed=recipe.seed,
    )
    sampler = EpochSampler(
        len(dataset), seed=recipe.seed, rank=fabric.global_rank, world=fabric.world_size
    )
    options = LoaderOptions(
        batch=recipe.batch, workers=recipe.workers, pin_memory=fabric.device.type == "cuda"
    )
    files = [image.path.name for image in train.images]
    return LoaderBatches(build_loader(dataset, sampler, options), sampler, recipe.batch, files)
