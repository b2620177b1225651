"""Frames from where the user says: an image, a folder, a glob or a video file."""

import glob
import logging
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, NamedTuple, Optional, Sequence, Union

from .closing import Closing
from .errors import DataError, UsageError
from .images import SUFFIXES as IMAGE_SUFFIXES
from .images import read_image
from .native_name import native_name
from .opencv import opencv, quiet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")
"""Lower-case suffixes of files that are opened as videos."""

_LOG = logging.getLogger(__name__)
_KINDS = "give an image, a folder, a glob or a video file"


class Frame(NamedTuple):
    """One image to look at.

    ``image_bgr`` uint8 [H,W,3]. ``name``: the file, for a video with ``#index``. ``index``: its
    number in the source, from 0. ``time_s``: seconds since the start of the video, None for
    still images.
    """

    image_bgr: "NDArray[np.uint8]"
    name: str
    index: int  # type: ignore[assignment]  # hides tuple.index
    time_s: Optional[float]


class Source(Closing):
    """An iterator over frames and a context manager; ``length`` is None when unknown."""

    length: Optional[int] = None

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order."""

    def close(self) -> None:
        """Release what is open; closing twice does no harm."""


class ImageSource(Source):
    """Image files, in the order given, each read when its turn comes."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)
        self.length = len(self.paths)

    def __iter__(self) -> Iterator[Frame]:
        """Iterating raises DataError at a file that is no whole image."""
        for index, path in enumerate(self.paths):
            yield Frame(read_image(path), str(path), index, None)


class VideoSource(Source):
    """The frames of a video file, decoded in order; one pass."""

    def __init__(self, path: Path) -> None:
        """DataError when nothing can be decoded from ``path``, UsageError for its name."""
        cv2, name = opencv(), native_name(path)
        self.path = path
        with quiet(cv2):
            self._capture: Any = cv2.VideoCapture(name)
        if not self._capture.isOpened():
            found = "a file that does not decode"
            raise DataError("a video in {}".format(path), found, "give another file")
        frames = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.length = frames if frames > 0 else None
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS))

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while True:
            decoded, image = self._capture.read()
            if not decoded:
                return self._check_end(index)
            time_s = index / self.fps if self.fps > 0 else None
            yield Frame(image, "{}#{}".format(self.path, index), index, time_s)
            index += 1

    def position_s(self) -> float:
        """Return when the last frame is shown, as the file says it; 0 where it does not."""
        return float(self._capture.get(opencv().CAP_PROP_POS_MSEC)) / 1000

    def close(self) -> None:
        """Release the decoder."""
        self._capture.release()

    def _check_end(self, frames: int) -> None:
        if frames == 0:
            found = "no frame that decodes"
            raise DataError("a video in {}".format(self.path), found, "give another file")
        # Containers count frames by duration, so the number may be off by a few.
        if self.length is not None and frames < self.length:
            _LOG.warning("%s ended after %d of %d frames", self.path, frames, self.length)


def open_source(uri: Union[str, Path]) -> Source:
    """Frames from an image, a folder of images, a glob (sorted) or a video file.

    DataError when nothing is there or it holds no image; UsageError for a camera or stream.
    """
    text, path = str(uri), Path(str(uri))
    if path.is_dir():
        return ImageSource(_images_among(path.iterdir(), text))
    if path.is_file():
        return _file_source(path)
    if text.isdigit() or "://" in text or text == "-":
        raise UsageError("a file, a folder or a glob as source", text, _KINDS)
    if glob.has_magic(text):
        found = glob.glob(text, recursive=True)  # noqa: PTH207 - a Path globs below itself only
        return ImageSource(_images_among((Path(name) for name in found), text))
    raise DataError("a source at {}".format(text), "no such file or folder", "check the path")


def _file_source(path: Path) -> Source:
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return VideoSource(path)
    if suffix in IMAGE_SUFFIXES:
        return ImageSource([path])
    known = " ".join(IMAGE_SUFFIXES + VIDEO_SUFFIXES)
    raise DataError("an image or a video ({})".format(known), str(path), _KINDS)


def _images_among(paths: "Iterator[Path]", uri: str) -> Sequence[Path]:
    images = sorted(path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES)
    if not images:
        known = " ".join(IMAGE_SUFFIXES)
        raise DataError("images ({}) in {}".format(known, uri), "none", _KINDS)
    return images
