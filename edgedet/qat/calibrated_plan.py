"""The ranges of INT8 before the first step of quantisation-aware training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from edgedet.calibration.batches import ImageBatches
from edgedet.calibration.choice import choose_images
from edgedet.calibration.collection import collect
from edgedet.calibration.methods import amax_by
from edgedet.export.from_torch import graph_from_torch
from edgedet.progress import progress
from edgedet.runtime.preprocess import place

from .plan import Int8Plan
from .sites import int8_sites

if TYPE_CHECKING:
    from pathlib import Path

    from edgedet.data.annotations import Annotations
    from edgedet.recipe import Recipe
    from edgedet.runtime.spec import ModelSpec


def calibrated_plan(model: nn.Module, train: Annotations, recipe: Recipe) -> Int8Plan:
    """Return where `model`, a trained detector on the CPU, becomes INT8, and with which ranges.

    They come of training images without augmentation, `qat_images` of them by `qat_method`, through
    the exported graph: as `edgedet export --int8` finds them. Raises ModelError for a detector
    whose INT8 form PyTorch cannot follow (`int8_sites`), and what the export raises.
    """
    detector: Any = model
    training = model.training
    graph = graph_from_torch(detector)
    sites = int8_sites(model.eval(), graph)
    model.train(training)
    paths = _chosen(train, detector.spec, recipe)
    with progress(len(paths), "Calibrating") as bar:
        batches = ImageBatches(paths, detector.spec)
        statistics = collect(graph, batches, advance=bar.advance)
    return sites.plan(amax_by(statistics, recipe.qat_method))


def _chosen(train: Annotations, spec: ModelSpec, recipe: Recipe) -> list[Path]:
    boxes, labels = [], []
    for image in train.images:
        kept = ~image.ignored
        boxes.append(place(image.size_hw, spec).boxes_to_input(image.boxes_xyxy[kept]))
        labels.append(image.labels[kept])
    chosen = choose_images(boxes, labels, recipe.qat_images, recipe.seed)
    return [train.images[index].path for index in chosen]
