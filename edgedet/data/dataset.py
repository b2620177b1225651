"""Labelled images as tensors at the network's input size."""

import os
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from edgedet.data.annotations import MIN_SIDE, Annotations, LabelledImage
from edgedet.data.augment import augmented
from edgedet.data.image_cache import ImageCache, Resized
from edgedet.data.mosaic import PROBABILITY, Sample, drawn_indices, mosaic
from edgedet.data.sample_seed import seeded_by
from edgedet.models.targets import IGNORED_LABEL, Target
from edgedet.runtime.errors import DataError
from edgedet.runtime.images import read_image
from edgedet.runtime.preprocess import Placement, normalise, resize
from edgedet.runtime.spec import ModelSpec


class DetectionDataset(Dataset[tuple[Tensor, Target]]):
    """Images resized by the runtime, augmented if asked, and normalised by the runtime.

    Indexed by (epoch, index). The augmentation drawn is a function of (seed, epoch, index)
    alone, whichever process draws it. `cache` keeps the resized images in memory: see `warm`.
    """

    def __init__(
        self,
        annotations: Annotations,
        spec: ModelSpec,
        augment: nn.Module | None = None,
        *,
        with_mosaic: bool = False,
        cache: bool = False,
        seed: int = 0,
    ) -> None:
        self.annotations = annotations
        self.spec = spec
        self.augment = augment
        self.with_mosaic = with_mosaic
        self.seed = seed
        self._cache = ImageCache(len(annotations.images), spec.size_hw) if cache else None

    def __len__(self) -> int:
        return len(self.annotations.images)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Target]:
        """Return image [3, H, W] float32 as `spec` wants it, and its objects.

        `DataError` when the file cannot be decoded or has another size than its header said.
        """
        epoch, index = key
        with seeded_by(self.seed, epoch, index):
            pixels, target = self._mosaic(index) if self.with_mosaic else self._sample(index)
            if self.augment is not None:
                pixels, target = augmented(self.augment, pixels, target)
        return torch.from_numpy(normalise(pixels, self.spec)), target

    def warm(self, on_image: Callable[[], None] = lambda: None) -> None:
        """Fill the cache, if there is one and it is empty; call `on_image` after each image.

        To be done before workers are started; `build_loader` does it when nobody did.
        """
        if self._cache is not None and not self._cache.filled:
            self._cache.fill(self._load, _cores(), on_image)

    def _mosaic(self, index: int) -> Sample:
        if torch.rand(()) >= PROBABILITY:
            return self._sample(index)
        return mosaic([self._sample(i) for i in drawn_indices(len(self), index)])

    def _sample(self, index: int) -> Sample:
        pixels, placement = self._resized(index)
        return Sample(pixels, target_of(self.annotations.images[index], placement))

    def _resized(self, index: int) -> Resized:
        if self._cache is not None and self._cache.filled:
            return self._cache[index]
        return self._load(index)

    def _load(self, index: int) -> Resized:
        labelled = self.annotations.images[index]
        image = read_image(labelled.path)
        if image.shape[:2] != labelled.size_hw:
            raise DataError(
                f"{labelled.path} to have {labelled.size_hw} rows and columns",
                f"{image.shape[:2]} after decoding",
                "write the image again without its EXIF orientation",
            )
        return Resized(*resize(image, self.spec))


def target_of(labelled: LabelledImage, placement: Placement) -> Target:
    """Return the objects in input pixels: invisible ones left out, ignored ones labelled so."""
    boxes = np.asarray(placement.boxes_to_input(labelled.boxes_xyxy), np.float32)
    sides = boxes[:, 2:] - boxes[:, :2]
    kept = (sides >= MIN_SIDE).all(axis=1)
    labels = np.where(labelled.ignored, IGNORED_LABEL, labelled.labels)
    return Target(torch.from_numpy(boxes[kept]), torch.from_numpy(labels[kept]))


def _cores() -> int:
    # The cores this process may use, which in a container are fewer than the machine has.
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
