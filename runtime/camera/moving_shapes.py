"""Shapes that move: a camera for whoever has none."""

from typing import TYPE_CHECKING, Optional

import numpy as np

from ..synthetic_frames import SHAPES, shaded_ground
from .guarded_source import GuardedSource
from .live_source import Granted
from .pace import Pace
from .source_uri import SourceUri

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE_HW = (480, 640)
FPS = 30.0
OBJECTS = 6
RELATIVE_SIDE = (0.08, 0.25)
"""Least and greatest side, of the shorter side of the frame."""
RELATIVE_SPEED = 0.25
"""Greatest way a second, of the shorter side of the frame."""


class MovingShapes(GuardedSource):
    """Squares, discs and triangles that bounce from the borders, the same ones each time.

    Where they are depends on the frame's number only, see `boxes_xyxy`.
    """

    def __init__(self, source: SourceUri) -> None:
        super().__init__()
        wish = source.wish
        self.live = not wish.fast
        self._size_hw, self._fps = wish.size_hw or SIZE_HW, wish.fps or FPS
        self._pace = Pace(self._closing)
        self._number = 0
        self._ground = shaded_ground(self._size_hw)
        rng = np.random.RandomState(0)
        shorter = min(self._size_hw)
        self._sides = np.maximum(rng.uniform(*RELATIVE_SIDE, size=OBJECTS) * shorter, 1).astype(int)
        self._masks = [SHAPES[i % len(SHAPES)](int(side)) for i, side in enumerate(self._sides)]
        self._colours = rng.randint(0, 256, (OBJECTS, 3)).astype(np.uint8)
        self._room_xy = np.array(self._size_hw[::-1]) - self._sides[:, np.newaxis]
        self._begin_xy = rng.uniform(size=(OBJECTS, 2)) * 2 * self._room_xy
        self._step_xy = rng.uniform(-1, 1, (OBJECTS, 2)) * RELATIVE_SPEED * shorter / self._fps

    @property
    def granted(self) -> Granted:
        """What was asked for."""
        return Granted(self._size_hw, self._fps, "moving shapes")

    def boxes_xyxy(self, number: int) -> "NDArray[np.int64]":
        """Return where the shapes are in a frame, [6,4] in pixels; later ones hide earlier ones."""
        way = (self._begin_xy + self._step_xy * number) % np.maximum(2 * self._room_xy, 1)
        corner = np.minimum(way, 2 * self._room_xy - way).astype(np.int64)
        corner = np.maximum(corner, 0)
        return np.concatenate([corner, corner + self._sides[:, np.newaxis]], axis=1)

    def _next(self) -> "Optional[NDArray[np.uint8]]":
        if self.live:
            self._pace.wait(self._number / self._fps)
        frame = self._ground.copy()
        boxes = self.boxes_xyxy(self._number).tolist()
        for (left, top, right, bottom), mask, colour in zip(boxes, self._masks, self._colours):
            frame[top:bottom, left:right][mask] = colour
        self._number += 1
        return frame

    def _release(self) -> None:
        """Nothing is held."""
