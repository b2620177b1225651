"""Resized images of a data set in memory, shared with the loader's workers."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edgedet.runtime.errors import UsageError
from edgedet.runtime.preprocess import Placement

MEMORY_SHARE = 0.8
"""Part of the free memory that the cache may take; training needs the rest."""


class Resized(NamedTuple):
    """An image at the network's input size."""

    pixels_bgr: npt.NDArray[np.uint8]
    """[H, W, 3], not to be written to."""
    placement: Placement
    """Where the image lies in it."""


class ImageCache:
    """One array [images, H, W, 3] uint8, filled once before workers are forked.

    A forked worker reads the parent's pages: nothing is copied, nothing passes through /dev/shm.
    """

    def __init__(self, length: int, size_hw: tuple[int, int]) -> None:
        self._shape = (length, *size_hw, 3)
        self._pixels: npt.NDArray[np.uint8] | None = None
        self._placements: list[Placement] = []

    @property
    def filled(self) -> bool:
        """Whether the images can be read."""
        return self._pixels is not None

    def __getitem__(self, index: int) -> Resized:
        if self._pixels is None:
            raise RuntimeError("an image cache is filled before it is read")
        return Resized(self._pixels[index], self._placements[index])

    def fill(
        self, load: Callable[[int], Resized], threads: int, on_image: Callable[[], None]
    ) -> None:
        """Fill it with `load(0)`, `load(1)`, ...; call `on_image` after each.

        OpenCV lets go of the interpreter lock while it decodes, so threads do run in parallel.
        `UsageError` when the memory is not there.
        """
        _check_memory(int(np.prod(self._shape)))
        pixels = np.empty(self._shape, np.uint8)
        placements: list[Placement] = []

        def store(index: int) -> Placement:
            pixels[index], placement = load(index)
            return placement

        with ThreadPoolExecutor(threads) as pool:
            for placement in pool.map(store, range(self._shape[0])):
                placements.append(placement)
                on_image()
        # Both at the end: one that failed half-way is empty, and can be filled again.
        self._pixels, self._placements = pixels, placements


def _check_memory(needed: int) -> None:
    available = _available_bytes()
    if available is not None and needed > MEMORY_SHARE * available:
        raise UsageError(
            f"at least {needed / MEMORY_SHARE / 2**30:.1f} GiB of free memory for the image cache",
            f"{available / 2**30:.1f} GiB",
            "turn the cache off or choose a smaller imgsz",
        )


def _available_bytes() -> int | None:
    # MemAvailable counts what the page cache can give back; only Linux has it.
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kib = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return next((int(value) * 1024 for value in kib), None)
