"""How alike images look: a perceptual hash that finds candidates, a thumbnail that decides."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edgedet.runtime.opencv import opencv

HASH_HW = (8, 8)
"""Rows and columns of the hash: 64 comparisons."""
THUMBNAIL = 16
"""Side in px of the thumbnails. Coarse, so that a camera which moves by a hundredth of the image
changes little: at 32 px nine in ten images shifted by 10 of 640 px were missed, at 16 one in ten.
"""
MAX_BITS = 10
"""Hashes of images that look alike differ in at most so many of the 64 bits."""
BLOCK = 512
"""Hashes compared with all others at once: what bounds the memory."""


def grey(image_bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return [H, W] uint8 of an image [H, W, 3] BGR."""
    cv2 = opencv()
    result: NDArray[np.uint8] = cv2.cvtColor(image_bgr, cv2.COLOR_BGR2GRAY)
    return result


def thumbnail(grey_image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return [16, 16] uint8: mean grey of each cell of the image."""
    return _shrunk(grey_image, (THUMBNAIL, THUMBNAIL))


def difference_hash(grey_image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return [8] uint8, 64 bits: is each cell of a 8 x 9 grid darker than its right neighbour?

    Neal Krawetz's dHash (hackerfactor.com, "Kind of Like That"): blind to size and brightness.
    """
    rows, columns = HASH_HW
    cells = _shrunk(grey_image, (rows, columns + 1))
    return np.packbits(cells[:, :-1] < cells[:, 1:])


def _shrunk(grey_image: NDArray[np.uint8], size_hw: tuple[int, int]) -> NDArray[np.uint8]:
    cv2 = opencv()
    small: NDArray[np.uint8] = cv2.resize(grey_image, size_hw[::-1], interpolation=cv2.INTER_AREA)
    return small


def near_pairs(hashes: NDArray[np.uint8], max_bits: int = MAX_BITS) -> Iterator[NDArray[np.int64]]:
    """Yield blocks [pairs, 2] of places i < j of `hashes` [n, 8] that differ in few bits."""
    # Bits as -1 and 1: their product counts the equal ones less the others, in one multiplication.
    signs = np.unpackbits(hashes, axis=1).astype(np.float32) * 2 - 1
    least = signs.shape[1] - 2 * max_bits
    for start in range(0, len(signs), BLOCK):
        alike = signs[start : start + BLOCK] @ signs[start:].T >= least
        first, second = np.nonzero(np.triu(alike, k=1))
        yield np.stack([first, second], axis=1).astype(np.int64) + start


def correlations(thumbnails: NDArray[np.uint8], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return [pairs] how two of [n, 16, 16] thumbnails correlate, -1..1; 0 when one is flat."""
    flat = thumbnails.reshape(len(thumbnails), -1).astype(np.float64)
    centred = flat - flat.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1)
    products = np.einsum("ij,ij->i", centred[pairs[:, 0]], centred[pairs[:, 1]])
    scale = norms[pairs[:, 0]] * norms[pairs[:, 1]]
    result: NDArray[np.float64] = products / np.where(scale > 0, scale, 1)
    return result
