"""When a class appears before a camera, and when it has gone."""

from typing import Dict, Iterable, List, NamedTuple, Sequence, Tuple

from ..camera.seen import Seen
from ..nearest import unknown_name

APPEARED, GONE = "appeared", "gone"
HELD_S = 0.3
"""A class is there when it was in every frame for so long: one false alarm is no event."""
ABSENT_S = 2.0
"""It has gone when it was not seen for so long: one missed frame is none either."""
AWAY_S = 30.0
"""A camera that showed nothing for so long begins anew: who is there now may be somebody else."""


class Change(NamedTuple):
    """A class that appeared, or has gone."""

    kind: str
    """`appeared` or `gone`."""
    label: int
    count: int  # type: ignore[assignment]  # hides tuple.count
    """Objects of the class in this frame."""
    best_score: float
    """0 when there is none."""


class _Since(NamedTuple):
    """Times of one class before one camera, in seconds."""

    first_s: float
    last_s: float
    told: bool


class Presence:
    """Of some classes before any camera."""

    def __init__(self, classes: Sequence[str], class_names: Sequence[str]) -> None:
        """classes: names to watch. UsageError for one that the model does not know."""
        for name in classes:
            if name not in class_names:
                raise unknown_name("class", name, class_names)
        self._labels = tuple(sorted({class_names.index(name) for name in classes}))
        self._since: Dict[Tuple[str, int], _Since] = {}
        self._looked_s: Dict[str, float] = {}

    def changes(self, seen: Seen) -> List[Change]:
        """Return what changed with this frame."""
        camera, at_s = seen.frame.camera, seen.frame.scene_s
        found = list(self._left(camera)) if self._was_away(camera, at_s) else []
        for label in self._labels:
            found += self._change((camera, label), seen, at_s)
        return found

    def _was_away(self, camera: str, at_s: float) -> bool:
        last_s, self._looked_s[camera] = self._looked_s.get(camera, at_s), at_s
        return at_s - last_s > AWAY_S

    def _left(self, camera: str) -> Iterable[Change]:
        """Forget what was before the camera; what had appeared has gone."""
        for label in self._labels:
            since = self._since.pop((camera, label), None)
            if since is not None and since.told:
                yield Change(GONE, label, 0, 0.0)

    def _change(self, key: Tuple[str, int], seen: Seen, at_s: float) -> Iterable[Change]:
        scores = seen.detections.scores[seen.detections.labels == key[1]]
        since = self._since.get(key)
        if len(scores):
            since = since or _Since(at_s, at_s, False)
            told = since.told or at_s - since.first_s >= HELD_S
            self._since[key] = _Since(since.first_s, at_s, told)
            if told and not since.told:
                yield Change(APPEARED, key[1], len(scores), float(scores.max()))
        elif since is not None and not since.told:
            del self._since[key]
        elif since is not None and at_s - since.last_s >= ABSENT_S:
            del self._since[key]
            yield Change(GONE, key[1], 0, 0.0)
