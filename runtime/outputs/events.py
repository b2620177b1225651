"""Events: a class appeared, or has gone; posted, published, and with a picture."""

from typing import Any, Callable, Dict, List, Optional, Sequence

from ..camera.output import Output
from ..camera.seen import Seen
from .event_queue import Event, EventQueue
from .json_lines import iso_time, seen_values
from .presence import APPEARED, Change, Presence
from .snapshots import Snapshots

SCHEMA_VERSION = 1


class Events(Output):
    """Watches every frame that was looked at.

    ``{"schema_version", "event": "appeared" or "gone", "class", "count", "best_score", "camera",
    "frame", "time", "detections", "snapshot": name of the picture or null}``
    """

    name = "events"
    keeps_all = True

    def __init__(
        self,
        presence: Presence,
        class_names: Sequence[str],
        queues: Sequence[EventQueue],
        snapshots: Optional[Snapshots] = None,
        tell: Optional[Callable[[Event], object]] = None,
    ) -> None:
        """queues: closed with it. tell: is given each event at once."""
        self._presence, self._class_names = presence, class_names
        self._queues, self._snapshots, self._tell = tuple(queues), snapshots, tell

    def put(self, seen: Seen) -> None:
        """Send what changed with this frame."""
        for change in self._presence.changes(seen):
            event = self._event(change, seen)
            if self._tell is not None:
                self._tell(event)
            for queue in self._queues:
                queue.put(event)

    def close(self) -> None:
        """Send what waits, for some seconds."""
        for queue in self._queues:
            queue.close()

    def _event(self, change: Change, seen: Seen) -> Event:
        picture: Optional[str] = None
        if self._snapshots is not None and change.kind == APPEARED:
            picture = self._snapshots.take(seen)
        found: List[Dict[str, Any]] = seen_values(seen, self._class_names)["detections"]
        return {
            "schema_version": SCHEMA_VERSION,
            "event": change.kind,
            "class": self._class_names[change.label],
            "count": change.count,
            "best_score": round(change.best_score, 6),
            "camera": seen.frame.camera,
            "frame": seen.frame.number,
            "time": iso_time(seen.frame.epoch_s),
            "detections": [each for each in found if each["label"] == change.label],
            "snapshot": picture,
        }


def event_line(event: Event) -> str:
    """Return the event for people: `12:00:07Z door: person appeared (2)`."""
    count = " ({})".format(event["count"]) if event["count"] else ""
    clock = event["time"][11:19]
    return "{}Z {}: {} {}{}".format(clock, event["camera"], event["class"], event["event"], count)
