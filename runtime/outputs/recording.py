"""Recordings of cameras: files of some minutes, within a budget, playable after a power cut."""

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, List, NamedTuple, Optional

from ..camera.controls import Controls
from ..camera.output import Output
from ..camera.seen import Seen
from ..errors import EdgedetError
from .kept_folder import KeptFolder
from .segment import Segment
from .video_form import FORMS, VideoForm, video_form

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FPS = 15.0
"""Of the files. Frames that come faster are left out: a recording shows what was found, and is no
copy of the camera's."""
GAP_S = 2.0
"""Without a frame for so long, a new file begins: a still picture would tell a lie."""
IDLE_S = 10.0
"""Without a frame for so long a file is finished: who cut the cable may cut the power as well, and
the writer holds back the last seconds."""
ROOM_EVERY_S = 5.0
RETRY_S = 10.0
"""After a file that could not be written."""

_LOG = logging.getLogger("edgedet.camera")


class RecordingRules(NamedTuple):
    """How it is recorded."""

    folder: Path
    segment_s: float = 300.0
    """Length of a file."""
    budget_bytes: int = 2000 * 1000 * 1000
    """Of all files together."""


class Recorder(Output):
    """Writes while `controls.recording` is on. A disk that is full, or a file that cannot be
    written, is told; it goes on as soon as there is room.
    """

    name = "recording"

    def __init__(
        self,
        rules: RecordingRules,
        controls: Controls,
        paint: "Callable[[Seen], NDArray[np.uint8]]",
    ) -> None:
        """paint: gives the picture of a frame. The folder is made when recording begins."""
        self._rules, self._controls, self._paint = rules, controls, paint
        self._folder: Optional[KeptFolder] = None
        self._form: Optional[VideoForm] = None
        self._segments: Dict[str, Segment] = {}
        self._taken_s: Dict[str, float] = {}
        """When the last frame of each camera came."""
        self._looked_s = self._failed_s = -RETRY_S
        self._has_room = True
        self._told = ""

    def put(self, seen: Seen) -> None:
        """Write the frame, if recording is on and there is room."""
        if not self._controls.recording:
            return self.close()
        self._taken_s[seen.frame.camera] = time.monotonic()
        self.idle()
        if time.monotonic() - self._failed_s < RETRY_S:
            return None
        try:
            if self._room():
                self._segment(seen).put(self._paint(seen), seen.frame.scene_s)
                if self._told:
                    _LOG.warning("recording goes on in %s", self._rules.folder)
                    self._told = ""
        except (EdgedetError, OSError) as error:
            self._fail(str(error))
        return None

    def idle(self) -> None:
        """Finish the files of cameras that give nothing, and all when recording is off."""
        now_s = time.monotonic()
        for camera in list(self._segments):
            if not self._controls.recording or now_s - self._taken_s[camera] > IDLE_S:
                self._segments.pop(camera).close()

    def close(self) -> None:
        """Finish the files."""
        segments, self._segments = self._segments, {}
        for segment in segments.values():
            segment.close()

    def _fail(self, trouble: str) -> None:
        """Tell it once, and begin anew later: the folder may have gone with its disk."""
        self._failed_s = time.monotonic()
        if trouble != self._told:
            _LOG.error("recording waits, and is tried every %.0f s: %s", RETRY_S, trouble)
            self._told = trouble
        self._folder = self._form = None
        self.close()

    def _room(self) -> bool:
        """Whether there is room; looked at every few seconds, and told when it changes."""
        now_s = time.monotonic()
        if now_s - self._looked_s < ROOM_EVERY_S:
            return self._has_room
        self._looked_s = now_s
        had, self._has_room = self._has_room, self._opened().make_room(self._in_use())
        if had and not self._has_room:
            _LOG.error("recording stops: no room left in %s", self._rules.folder)
            self.close()
        elif self._has_room and not had:
            _LOG.warning("recording goes on: there is room in %s again", self._rules.folder)
        return self._has_room

    def _in_use(self) -> List[Path]:
        return [segment.path for segment in self._segments.values()]

    def _opened(self) -> KeptFolder:
        if self._folder is None:
            suffixes = [form.suffix for form in FORMS]
            self._folder = KeptFolder(self._rules.folder, self._rules.budget_bytes, suffixes)
        return self._folder

    def _segment(self, seen: Seen) -> Segment:
        """The file that the frame belongs to: the one that is open, or a new one."""
        camera = seen.frame.camera
        segment = self._segments.get(camera)
        if segment is not None and not self._continues(segment, seen):
            self._segments.pop(camera).close()
            segment = None
        if segment is None:
            segment = self._segments[camera] = self._begun(seen)
        return segment

    def _continues(self, segment: Segment, seen: Seen) -> bool:
        at_s = seen.frame.scene_s
        same_size = segment.size_hw == seen.frame.image_bgr.shape[:2]
        no_gap = at_s - segment.end_s <= GAP_S
        return same_size and no_gap and at_s - segment.begin_s < self._rules.segment_s

    def _begun(self, seen: Seen) -> Segment:
        frame, folder = seen.frame, self._opened()
        if self._form is None:
            self._form = video_form(folder.path)
        path = folder.new_path(frame.camera, self._form.suffix)
        segment = Segment(path, self._form, FPS, frame.image_bgr.shape[:2], frame.scene_s)
        _LOG.info("recording %s", path)
        return segment
