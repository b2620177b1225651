"""The images of a calibration as batches of the network's input, each read when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from edgedet.runtime.images import read_image
from edgedet.runtime.preprocess import preprocess
from edgedet.runtime.spec import ModelSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ImageBatches(Sequence["NDArray[Any]"]):
    """One batch [batch, ...] for each image file, in the layout and type that the spec says.

    In a model of a larger batch each image fills a whole one: then all images weigh the same,
    whatever their number. Indexing raises DataError for a file that is no image.
    """

    def __init__(self, images: Sequence[Path], spec: ModelSpec, batch: int = 1) -> None:
        self._images = images
        self._spec = spec
        self._batch = batch

    def __len__(self) -> int:
        return len(self._images)

    @overload
    def __getitem__(self, index: int) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, index: slice) -> ImageBatches: ...
    def __getitem__(self, index: int | slice) -> NDArray[Any] | ImageBatches:
        """Return one batch, or the batches of some of the images."""
        if isinstance(index, slice):
            return ImageBatches(self._images[index], self._spec, self._batch)
        tensor = preprocess(read_image(self._images[index]), self._spec)[0]
        return np.stack([tensor] * self._batch)
