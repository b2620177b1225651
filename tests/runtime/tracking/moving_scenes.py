"""Generated sequences of moving objects: what is there, and what a detector would find.

All random numbers come from one seed. Truth and detections are arrays; a detector of this kind
jitters, misses, doubts what is hidden, finds things that are not there, and drops frames.
"""

from typing import List, NamedTuple, Sequence

import numpy as np

from edgedet.runtime import Detections

WIDTH, HEIGHT = 1280, 720


class Scene(NamedTuple):
    """How a sequence is made."""

    seed: int = 0
    seconds: float = 8.0
    fps: float = 30.0
    objects: int = 10
    classes: int = 1
    side: float = 80.0
    """Pixels, of the smallest object; the largest is twice as large."""
    speed: float = 160.0
    """Pixels a second, in the mean."""
    turning: float = 0.5
    """Standard deviation of the change of direction within a second, in radians."""
    jitter: float = 0.03
    """Standard deviation of each edge, in sides."""
    missed: float = 0.05
    """Share of visible objects that are not found."""
    false_alarms: float = 0.3
    """A frame."""
    shake: float = 0.0
    """Standard deviation of the camera's shift in pixels, from frame to frame."""
    dropped: float = 0.0
    """Share of frames that do not come."""


class Frame(NamedTuple):
    time_s: float
    true_ids: np.ndarray
    true_boxes: np.ndarray
    """[n,4] of objects of which at least a third is visible."""
    detections: Detections


def make_scene(scene: Scene) -> List[Frame]:
    random = np.random.RandomState(scene.seed)
    sides = scene.side * random.uniform(1, 2, scene.objects)
    sizes = np.stack([sides, sides * random.uniform(0.6, 1.6, scene.objects)], axis=1)
    centres = random.uniform(0.1, 0.9, (scene.objects, 2)) * [WIDTH, HEIGHT]
    angles = random.uniform(0, 2 * np.pi, scene.objects)
    speeds = scene.speed * random.uniform(0.5, 1.5, scene.objects)
    labels = random.randint(scene.classes, size=scene.objects)
    frames = []
    for number in range(int(scene.seconds * scene.fps)):
        step = 1 / scene.fps
        angles = angles + random.normal(0, scene.turning * np.sqrt(step), scene.objects)
        moves = np.stack([np.cos(angles), np.sin(angles)], axis=1) * speeds[:, None] * step
        # They turn back at the rim.
        centres = centres + moves
        outside = (centres < 0) | (centres > [WIDTH, HEIGHT])
        angles = np.where(outside[:, 0], np.pi - angles, angles)
        angles = np.where(outside[:, 1], -angles, angles)
        centres = np.clip(centres, 0, [WIDTH, HEIGHT])
        shift = random.normal(0, 1, 2) * scene.shake
        boxes = np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)
        boxes = boxes + np.tile(shift, 2)
        frame = _look(scene, random, number * step, (boxes, labels))
        if random.uniform() >= scene.dropped:
            frames.append(frame)
    return frames


def _look(scene, random, time_s, truth):
    boxes, labels = truth
    count = len(boxes)
    shown = visible_share(boxes)
    true = shown >= 1 / 3
    missed = random.uniform(size=count) < scene.missed
    found = (shown >= 0.2) & ~missed
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    seen = boxes + random.normal(0, scene.jitter, (count, 4)) * sides
    # What is half hidden is found with a low score.
    scores = np.clip(0.9 * shown + random.normal(0, 0.08, count), 0.05, 0.99)
    alarms = random.poisson(scene.false_alarms)
    corner = random.uniform(0, 1, (alarms, 2)) * [WIDTH, HEIGHT]
    alarm_boxes = np.concatenate(
        [corner, corner + scene.side * random.uniform(1, 2, (alarms, 2))], 1
    )
    return Frame(
        time_s,
        np.flatnonzero(true),
        boxes[true],
        sorted_detections(
            np.concatenate([seen[found], alarm_boxes]),
            np.concatenate([scores[found], random.uniform(0.1, 0.6, alarms)]),
            np.concatenate([labels[found], random.randint(scene.classes, size=alarms)]),
        ),
    )


def visible_share(boxes: np.ndarray) -> np.ndarray:
    """[n] share of each box that no later box hides, and that is inside the frame.

    Sampled on a grid, so that overlapping covers count once.
    """
    steps = (np.arange(8) + 0.5) / 8
    shares = []
    for index, (left, top, right, bottom) in enumerate(boxes):
        x = (left + steps * (right - left))[None, :, None]
        y = (top + steps * (bottom - top))[:, None, None]
        covers = boxes[index + 1 :]
        hidden = (x > covers[:, 0]) & (x < covers[:, 2]) & (y > covers[:, 1]) & (y < covers[:, 3])
        inside = ((x >= 0) & (x < WIDTH) & (y >= 0) & (y < HEIGHT))[..., 0]
        shares.append((inside & ~hidden.any(axis=2)).mean())
    return np.array(shares)


def sorted_detections(boxes: np.ndarray, scores: np.ndarray, labels: Sequence[int]) -> Detections:
    order = np.argsort(-scores, kind="mergesort")
    return Detections(boxes.reshape(-1, 4)[order], scores[order], np.asarray(labels)[order])


SCENES = {
    "crossing": Scene(seed=1),
    "crowd": Scene(seed=2, objects=40, side=60.0),
    "classes": Scene(seed=3, objects=20, classes=3),
    "misses": Scene(seed=4, missed=0.3, false_alarms=2.0),
    "shake": Scene(seed=5, shake=6.0),
    "dropped": Scene(seed=6, dropped=0.6, missed=0.1),
    "slow camera": Scene(seed=7, fps=5.0, seconds=30.0),
    "small and fast": Scene(seed=8, side=24.0, speed=400.0, fps=15.0),
}
"""Each kind of trouble by itself."""
