"""Which kind of video file the OpenCV of this machine writes, out of those that a power cut spares.

An MP4 cannot be played before it was finished. Matroska and AVI can, up to what was written.
"""

from pathlib import Path
from typing import Any, NamedTuple, Optional, Tuple

from ..errors import DeviceError
from ..native_name import native_name
from ..opencv import opencv, quiet

TRIAL_HW = (48, 64)


class VideoForm(NamedTuple):
    """A container with a codec, by one of OpenCV's writers."""

    suffix: str
    codec: str
    """FourCC."""
    writer: str
    """Name of OpenCV's constant."""


FORMS = (
    VideoForm(".mkv", "mp4v", "CAP_FFMPEG"),
    VideoForm(".avi", "MJPG", "CAP_OPENCV_MJPEG"),
)
"""The best first: MPEG-4 takes about a tenth of the room of Motion JPEG, which every OpenCV has."""


def video_form(folder: Path) -> VideoForm:
    """Return the best form that OpenCV writes here; tries it in the folder.

    Raises DeviceError when it writes none.
    """
    for form in FORMS:
        path = folder / (".trial" + form.suffix)
        try:
            writer = open_writer(path, form, 25.0, TRIAL_HW)
            if writer is not None:
                writer.release()
                return form
        finally:
            if path.exists():
                path.unlink()
    fix = "check that the folder can be written, or install opencv-python-headless"
    raise DeviceError("an OpenCV that writes .mkv or .avi", "none", fix)


def open_writer(path: Path, form: VideoForm, fps: float, size_hw: Tuple[int, int]) -> Optional[Any]:
    """Return OpenCV's writer of a new file, or None when it does not open."""
    cv2 = opencv()
    api = getattr(cv2, form.writer, None)
    if api is None:
        return None
    height, width = size_hw
    code = cv2.VideoWriter_fourcc(*form.codec)
    with quiet(cv2):
        writer = cv2.VideoWriter(native_name(path), api, code, fps, (width, height))
    return writer if writer.isOpened() else None
