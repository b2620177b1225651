"""Our tracker beside a maintained one of others, on the generated scenes of the tests.

    pip install trackers trackeval  # in an environment of its own: both bring opencv-python, which
                                    # gets in the way of the headless one
    python benchmarks/tracker_contenders.py

`trackers` (Apache-2.0, Roboflow) is the successor of supervision's ByteTrack. MOTA, IDF1 and HOTA
are TrackEval's, on boxes as they were detected. It gets each frame's time, as ours does, and once
its own thresholds, once ours.
"""

import argparse
import contextlib
import io
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedet.runtime.boxes import iou_matrix
from edgedet.runtime.detections import Detections
from edgedet.runtime.tracking.tracker import NO_TRACK, Tracker

SCENES = Path(__file__).resolve().parent.parent / "tests" / "runtime" / "tracking"
Ids = NDArray[np.int64]
Update = Callable[[Detections, float], Ids]


def main() -> None:
    """Print Markdown tables: quality on each scene, then time by number of objects."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5, help="sequences of each scene; default: 5")
    seeds = parser.parse_args().seeds
    sys.path.insert(0, str(SCENES))
    import moving_scenes

    print("| scene | tracker | MOTA | IDF1 | HOTA | switches |\n|---|---|---|---|---|---|")
    means: dict[str, list[list[float]]] = {}
    for name, scene in moving_scenes.SCENES.items():
        # Other sequences than those that the tests and the choice of constants saw.
        changed = [scene._replace(seed=scene.seed + 5000 + 100 * k) for k in range(seeds)]
        sequences = [moving_scenes.make_scene(each) for each in changed]
        for contender, begin in CONTENDERS.items():
            figures = [quality(frames, _follow(begin(), frames)) for frames in sequences]
            mean = np.mean(figures, axis=0).tolist()
            means.setdefault(contender, []).append(mean)
            print(_row(name, contender, mean), flush=True)
    for contender, rows in means.items():
        print(_row("mean", contender, np.mean(rows, axis=0).tolist()))
    print("\n| objects | " + " | ".join(CONTENDERS) + " |\n|---|" + "---|" * len(CONTENDERS))
    for count in (10, 30, 100, 300, 1000):
        spent = [f"{speed_ms(begin(), count):.2f} ms" for begin in CONTENDERS.values()]
        print(f"| {count} | " + " | ".join(spent) + " |", flush=True)


def _follow(update: Update, frames: Sequence[Any]) -> list[Ids]:
    return [update(frame.detections, frame.time_s) for frame in frames]


def _ours() -> Update:
    return Tracker().update


def _theirs(**options: float) -> Update:
    import supervision
    from trackers import ByteTrackTracker

    tracker = ByteTrackTracker(**options)

    def update(found: Detections, time_s: float) -> Ids:
        given = supervision.Detections(
            xyxy=found.boxes_xyxy.copy(),
            confidence=found.scores.copy(),
            class_id=found.labels.copy(),
            data={"row": np.arange(len(found))},
        )
        kept: Any = tracker.update(given, timestamp=time_s)
        ids = np.full(len(found), NO_TRACK)
        if len(kept):
            ids[kept.data["row"].astype(int)] = kept.tracker_id
        return ids

    return update


CONTENDERS: dict[str, Callable[[], Update]] = {
    "ours": _ours,
    "trackers": _theirs,
    "trackers, our thresholds": lambda: _theirs(
        track_activation_threshold=0.25, high_conf_det_threshold=0.25, lost_track_buffer=60
    ),
}


def quality(frames: Sequence[Any], ids: Sequence[Ids]) -> list[float]:
    """MOTA, IDF1, HOTA and identity switches."""
    from trackeval.metrics import CLEAR, HOTA, Identity

    true_ids, truths = _numbered([frame.true_ids for frame in frames])
    track_ids, tracks = _numbered([each[each >= 0] for each in ids])
    similar = [
        iou_matrix(frame.true_boxes, frame.detections.boxes_xyxy[each >= 0].astype(float))
        for frame, each in zip(frames, ids, strict=True)
    ]
    data = {
        "gt_ids": true_ids,
        "tracker_ids": track_ids,
        "similarity_scores": similar,
        "num_timesteps": len(frames),
        "num_gt_ids": truths,
        "num_tracker_ids": tracks,
        "num_gt_dets": sum(map(len, true_ids)),
        "num_tracker_dets": sum(map(len, track_ids)),
    }
    with contextlib.redirect_stdout(io.StringIO()):  # they print their settings
        clear, identity, hota = (m().eval_sequence(data) for m in (CLEAR, Identity, HOTA))
    return [clear["MOTA"], identity["IDF1"], float(hota["HOTA"].mean()), clear["IDSW"]]


def speed_ms(update: Update, count: int) -> float:
    """Median time of a frame with so many objects, 40 pixels wide, on a frame of 1080p."""
    random = np.random.RandomState(0)
    centres = random.uniform(0, 1, (count, 2)) * [1920, 1080]
    speeds = random.normal(0, 100, (count, 2))
    spent = []
    for number in range(15):
        centres = centres + speeds / 30 + random.normal(0, 1, (count, 2))
        boxes = np.concatenate([centres - 20, centres + 20], axis=1)
        scores = np.sort(random.uniform(0.3, 1, count))[::-1]
        found = Detections(boxes, scores, np.zeros(count))
        started = time.perf_counter()
        update(found, number / 30)
        spent.append(1000 * (time.perf_counter() - started))
    return float(np.median(spent))


def _numbered(ids: Sequence[Ids]) -> tuple[list[Ids], int]:
    """Ids as 0, 1, 2 ..., and how many there are."""
    names = np.unique(np.concatenate(ids))
    return [np.searchsorted(names, each) for each in ids], len(names)


def _row(scene: str, contender: str, figures: Sequence[float]) -> str:
    mota, idf1, hota, switches = figures
    return f"| {scene} | {contender} | {mota:.3f} | {idf1:.3f} | {hota:.3f} | {switches:.1f} |"


if __name__ == "__main__":
    main()
