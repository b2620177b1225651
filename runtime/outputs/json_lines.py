"""A line of JSON for each frame that was looked at."""

import json
import time
from pathlib import Path
from typing import IO, Any, Callable, Dict, Optional, Sequence

from ..camera.output import Output
from ..camera.seen import Seen, result_of
from ..errors import UsageError
from ..results import result_values

SCHEMA_VERSION = 1


class JsonLines(Output):
    """Writes to a stream or appends to a file, a whole line at a time.

    ``{"schema_version", "camera", "frame", "time" (UTC, ISO 8601), "age_ms", "inference_ms",
    "source", "width", "height", "detections": [{"box_xyxy", "score", "label", "class", and with
    tracking "track"}], "zones": [{"zone", "inside", "passed", "passed_back"}]}``
    """

    name = "JSON lines"
    keeps_all = True

    def __init__(self, write: Callable[[str], object], class_names: Sequence[str]) -> None:
        """write: takes a line with its end, and hands it on at once."""
        self._write = write
        self._class_names = class_names

    def put(self, seen: Seen) -> None:
        """Write the frame."""
        values = seen_values(seen, self._class_names)
        self._write(json.dumps(values, allow_nan=False) + "\n")


class JsonFile(JsonLines):
    """Appends to a file."""

    def __init__(self, path: Path, class_names: Sequence[str]) -> None:
        """UsageError when it cannot be written."""
        # Line by line: what is there after a power cut is whole lines, but for the last.
        try:
            self._file: Optional[IO[str]] = path.open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            found = "{} ({})".format(path, error.strerror)
            raise UsageError("a file to write lines of JSON to", found, "choose another") from error
        super().__init__(self._file.write, class_names)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            file, self._file = self._file, None
            file.close()


def seen_values(seen: Seen, class_names: Sequence[str]) -> Dict[str, Any]:
    """Return what was seen as plain JSON types."""
    frame, values = seen.frame, result_values(result_of(seen), class_names)
    if seen.track_ids is not None:
        for detection, track in zip(values["detections"], seen.track_ids.tolist()):
            detection["track"] = track
    values.update(
        schema_version=SCHEMA_VERSION,
        camera=frame.camera,
        frame=frame.number,
        time=iso_time(frame.epoch_s),
        age_ms=round(seen.age_ms, 3),
        inference_ms=round(seen.inference_ms, 3),
    )
    if seen.zones:
        values["zones"] = [zone._asdict() for zone in seen.zones]
    return values


def iso_time(epoch_s: float) -> str:
    """Return `2026-11-20T18:05:09.123Z`."""
    whole = int(epoch_s)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
    return "{}.{:03d}Z".format(text, int(1000 * (epoch_s - whole)))
