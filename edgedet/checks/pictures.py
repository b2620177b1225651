"""One look at the pixels of every image: what all checks of pixels need, and no pixels kept."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgedet.checks.likeness import difference_hash, grey, thumbnail
from edgedet.data.faults import Complain, FaultError, Where, noting
from edgedet.data.labelling import StatedImage
from edgedet.runtime.errors import DataError
from edgedet.runtime.images import decode_image
from edgedet.runtime.opencv import opencv, quiet


class Picture(NamedTuple):
    """What is remembered of a decoded image, about 0.5 kB."""

    file_sha256: str
    """Of the bytes of the file."""
    pixels_sha256: str
    """Of height, width and the decoded upright pixels."""
    hash: NDArray[np.uint8]
    """[8], see `difference_hash`."""
    thumbnail: NDArray[np.uint8]
    """[16, 16] grey."""


def look_at(
    images: Sequence[StatedImage], threads: int, complain: Complain, advance: Callable[[], object]
) -> dict[Path, Picture]:
    """Read and decode each file once; `advance` is called after each.

    `complain` is told of files that cannot be decoded and of sizes that the header denies; such
    images are left out.
    """
    by_path = {image.path: image for image in images}
    pictures = {}
    # Silenced here once: threads that each silence and restore OpenCV would undo one another.
    with quiet(opencv()):
        for path, seen in zip(by_path, _seen(by_path.values(), threads), strict=True):
            advance()
            with noting(complain):
                if isinstance(seen, FaultError):
                    raise seen
                pictures[path] = seen
    return pictures


def _seen(images: Iterable[StatedImage], threads: int) -> Iterator[Picture | FaultError]:
    # OpenCV and hashlib work without Python's lock, so threads are enough.
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(_picture, images)


def _picture(image: StatedImage) -> Picture | FaultError:
    try:
        data = image.path.read_bytes()
        pixels_bgr = decode_image(data, image.path)
    except (OSError, DataError) as error:
        return _corrupt(image.path, error)
    if pixels_bgr.shape[:2] != image.header.upright_hw:
        return _other_size(image, pixels_bgr)
    shape, levels = repr(pixels_bgr.shape).encode(), grey(pixels_bgr)
    return Picture(
        hashlib.sha256(data).hexdigest(),
        hashlib.sha256(shape + pixels_bgr.tobytes()).hexdigest(),
        difference_hash(levels),
        thumbnail(levels),
    )


def _corrupt(path: Path, error: Exception) -> FaultError:
    found = error.found if isinstance(error, DataError) else str(error)
    return FaultError(Where("corrupt-image", path), "an image", found, "replace the file")


def _other_size(image: StatedImage, pixels_bgr: NDArray[np.uint8]) -> FaultError:
    where = Where("wrong-size", image.path, "header and pixels differ")
    expected = f"{image.header.upright_hw} rows and columns as the header says"
    fix = "write the image again"
    return FaultError(where, expected, f"{pixels_bgr.shape[:2]} after decoding", fix)
