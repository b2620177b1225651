"""Where frames go with what was found in them: annotated images or an annotated video."""

from abc import abstractmethod
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional, Sequence, Set, Type

from .atomic import atomic_path
from .closing import Closing
from .draw import draw
from .errors import DeviceError
from .native_name import native_name
from .opencv import opencv
from .sources import VideoSource

if TYPE_CHECKING:
    from .detections import Detections
    from .sources import Frame, Source

CODEC = "mp4v"
"""MPEG-4 part 2: in every OpenCV, whatever codecs the machine has."""
FPS_IF_UNKNOWN = 25.0


class Sink(Closing):
    """What takes frames one by one, as a context manager."""

    @abstractmethod
    def put(self, frame: "Frame", detections: "Detections") -> None:
        """Take ``frame`` and what was found in it."""

    def close(self) -> None:
        """Finish what is open; closing twice does no harm."""


class AnnotatedImages(Sink):
    """Image files with boxes, named like the originals."""

    def __init__(self, folder: Path, class_names: Sequence[str]) -> None:
        self._folder = folder
        self._class_names = class_names
        self._taken: Set[str] = set()

    def put(self, frame: "Frame", detections: "Detections") -> None:
        """Write the frame as an image; a name that a glob finds twice gets the frame's number."""
        name = Path(frame.name)
        target = name.name
        while target in self._taken:
            target = "{}_{}".format(frame.index, target)
        self._taken.add(target)
        picture = draw(frame.image_bgr, detections, self._class_names)
        done, encoded = opencv().imencode(name.suffix, picture)
        if not done:
            raise DeviceError("an OpenCV that writes " + name.suffix, "none", "use --no-save")
        with atomic_path(self._folder / target) as temporary:
            temporary.write_bytes(encoded.tobytes())


class AnnotatedVideo(Sink):
    """An MP4 with boxes; it appears under its name when it is complete.

    The codec takes even sizes only: OpenCV cuts off an odd last row or column.
    """

    def __init__(self, path: Path, class_names: Sequence[str], fps: float) -> None:
        self._path = path
        self._class_names = class_names
        self._fps = fps if fps > 0 else FPS_IF_UNKNOWN
        self._stack = ExitStack()
        self._writer: Any = None

    def put(self, frame: "Frame", detections: "Detections") -> None:
        """Append the frame; DeviceError when this OpenCV cannot write MP4."""
        if self._writer is None:
            self._writer = self._open(frame)
        self._writer.write(draw(frame.image_bgr, detections, self._class_names))

    def close(self) -> None:
        """Complete the file and give it its name."""
        self._stack.close()

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        # As `close`; after an error the file goes away.
        self._stack.__exit__(kind, error, trace)

    def _open(self, frame: "Frame") -> Any:
        cv2 = opencv()
        temporary = self._stack.enter_context(atomic_path(self._path))
        height, width = frame.image_bgr.shape[:2]
        codec = cv2.VideoWriter_fourcc(*CODEC)
        writer = cv2.VideoWriter(native_name(temporary), codec, self._fps, (width, height))
        self._stack.callback(writer.release)
        if not writer.isOpened():
            raise DeviceError("an OpenCV that writes MP4", "none", "use --no-save")
        return writer


def open_sink(source: "Source", uri: str, folder: Path, class_names: Sequence[str]) -> Sink:
    """Return the sink that fits ``source``: one MP4 for a video, else an image for an image."""
    if isinstance(source, VideoSource):
        return AnnotatedVideo(folder / (Path(uri).stem + ".mp4"), class_names, source.fps)
    return AnnotatedImages(folder, class_names)
