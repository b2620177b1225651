"""Batches in an order that can be computed again: shuffled, sliced by rank, resumable."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from edgedet.data.dataset import DetectionDataset
from edgedet.models.targets import Target
from edgedet.runtime.errors import DataError, UsageError
from edgedet.runtime.opencv import opencv

Batch = tuple[Tensor, list[Target]]
"""Images [N, 3, H, W] and their N targets."""


class EpochSampler(Sampler[tuple[int, int]]):
    """Yields (epoch, index) over `length` images, each rank its part of one permutation.

    The order is a function of (seed, epoch), seed in [0, 2**64). Every rank gets equally many:
    the permutation is repeated from its start until it divides by `world`.
    """

    def __init__(
        self, length: int, *, seed: int = 0, rank: int = 0, world: int = 1, shuffle: bool = True
    ) -> None:
        if length < 1 or not 0 <= rank < world:
            raise ValueError(f"length {length} >= 1 and 0 <= rank {rank} < world {world}")
        self.length = length
        self.seed = seed
        self.rank = rank
        self.world = world
        self.shuffle = shuffle
        self.epoch = 0
        self._done = 0

    def set_position(self, epoch: int, batches_done: int = 0, batch: int = 1) -> None:
        """Go to `epoch`, behind the first `batches_done` batches of `batch` images of it."""
        self.epoch = epoch
        self._done = batches_done * batch

    def __iter__(self) -> Iterator[tuple[int, int]]:
        # The position is taken now: a caller may set another while workers still prefetch.
        return iter([(self.epoch, int(index)) for index in self._mine()[self._done :]])

    def __len__(self) -> int:
        """Return how many images this rank still has in the epoch."""
        return max(0, self.per_rank - self._done)

    @property
    def per_rank(self) -> int:
        """How many images each rank sees in a whole epoch."""
        return -(-self.length // self.world)

    def _mine(self) -> npt.NDArray[np.int64]:
        order = np.arange(self.length)
        if self.shuffle:
            # RandomState: numpy promises its stream never changes, so a resumed run fits.
            words = [self.seed % 2**32, self.seed // 2**32, self.epoch]
            np.random.RandomState(words).shuffle(order)
        return np.resize(order, self.per_rank * self.world)[self.rank :: self.world]


@dataclass(frozen=True)
class LoaderOptions:
    """How batches are made."""

    batch: int = 8
    """Images in a batch of this process."""
    workers: int = 2
    """Processes that prepare images; 0: the training process does.

    A batch on its way from a worker costs about 4 ms of CPU an image at 512x512. Preparing a
    cached, flipped and cropped one costs as much: with the cache and two cores, 0 is as good.
    """
    prefetch: int = 2
    """Batches each worker prepares ahead."""
    pin_memory: bool = False
    """Page-locked batches: faster to copy to a CUDA device."""

    def __post_init__(self) -> None:
        for name, least in (("batch", 1), ("workers", 0), ("prefetch", 1)):
            if getattr(self, name) < least:
                found = str(getattr(self, name))
                raise UsageError(f"{name} of at least {least}", found, f"set {name}")


class _Failure(NamedTuple):
    # What a DataError says. The exception itself does not survive the way out of a worker:
    # torch rebuilds it from one string and turns it into a RuntimeError with a traceback.
    expected: str
    found: str
    fix: str


class _Guarded(Dataset[Any]):
    def __init__(self, dataset: DetectionDataset) -> None:
        self.dataset = dataset

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Target] | _Failure:
        try:
            return self.dataset[key]
        except DataError as error:
            return _Failure(error.expected, error.found, error.fix)


class DetectionLoader(DataLoader[Any]):
    """A `DataLoader` of `Batch` that raises a worker's `DataError` as what it is."""

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        for batch in super().__iter__():
            if isinstance(batch, _Failure):
                raise DataError(batch.expected, batch.found, batch.fix)
            yield batch


def build_loader(
    dataset: DetectionDataset, sampler: EpochSampler, options: LoaderOptions
) -> DetectionLoader:
    """Return batches of `dataset` in the sampler's order; fills the data set's cache first.

    Workers live on between epochs: the epoch travels with each index, so they need no news.
    """
    dataset.warm()
    with_workers = options.workers > 0
    return DetectionLoader(
        _Guarded(dataset),
        batch_size=options.batch,
        sampler=sampler,
        num_workers=options.workers,
        collate_fn=_collate_or_failure,
        pin_memory=options.pin_memory,
        worker_init_fn=start_worker,
        persistent_workers=with_workers,
        prefetch_factor=options.prefetch if with_workers else None,
        multiprocessing_context=_context() if with_workers else None,
    )


def collate(samples: Sequence[tuple[Tensor, Target]]) -> Batch:
    """Stack the images [3, H, W] of the samples to [N, 3, H, W]; keep the targets as a list."""
    return torch.stack([image for image, _ in samples]), [target for _, target in samples]


def start_worker(_worker: int) -> None:
    """Keep OpenCV in a worker to one thread: the workers are the parallelism."""
    opencv().setNumThreads(0)


def _collate_or_failure(samples: Sequence[Any]) -> Batch | _Failure:
    failures = [sample for sample in samples if isinstance(sample, _Failure)]
    return failures[0] if failures else collate(samples)


def _context() -> str | None:
    # Forked workers share the image cache; Python 3.14 no longer forks unless told to. On macOS
    # forking is not safe, and the cache is copied there.
    return "fork" if sys.platform == "linux" else None
