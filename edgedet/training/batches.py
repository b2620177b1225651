"""The batches of an epoch, from any position in it."""

from collections.abc import Iterator
from itertools import islice
from typing import Protocol

from edgedet.data.loader import Batch, DetectionLoader, EpochSampler


class Batches(Protocol):
    """What the loop knows of its data: the order depends on the epoch alone."""

    @property
    def per_epoch(self) -> int:
        """Batches of one epoch on this process; the same on all."""
        ...

    def from_position(self, epoch: int, done: int) -> Iterator[Batch]:
        """Yield the batches of `epoch` after its first `done`."""
        ...

    def names(self, epoch: int, index: int) -> list[str]:
        """Return the image files of one batch, for messages."""
        ...


class LoaderBatches:
    """`Batches` of a loader and its sampler."""

    def __init__(
        self, loader: DetectionLoader, sampler: EpochSampler, batch: int, files: list[str]
    ) -> None:
        """`files` are the images by index, `batch` is the loader's."""
        self._loader = loader
        self._sampler = sampler
        self._batch = batch
        self._files = files

    @property
    def per_epoch(self) -> int:
        """Batches of one epoch, the incomplete last one included."""
        return -(-self._sampler.per_rank // self._batch)

    def from_position(self, epoch: int, done: int) -> Iterator[Batch]:
        """Yield the batches of `epoch` after its first `done`."""
        self._sampler.set_position(epoch, done, self._batch)
        return iter(self._loader)

    def names(self, epoch: int, index: int) -> list[str]:
        """Return the image files of one batch: the sampler's order is computed again."""
        self._sampler.set_position(epoch, index, self._batch)
        return [self._files[image] for _, image in islice(self._sampler, self._batch)]
