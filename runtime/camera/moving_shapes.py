"""Shapes that move: a camera for whoever has none.

They look as those that `edgedet train --data shapes` learns, so that its model finds them: discs
are small and red, squares green, triangles large and blue, on white.
"""

from typing import TYPE_CHECKING, Optional, Tuple

import numpy as np

from ..synthetic_frames import DISC, SQUARE, TRIANGLE
from .guarded_source import GuardedSource
from .live_source import Granted
from .pace import Pace
from .source_uri import SourceUri

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE_HW = (480, 640)
FPS = 30.0
KINDS = (
    (TRIANGLE, 0.45, 0.7, (255, 0, 0)),
    (SQUARE, 0.23, 0.4, (0, 255, 0)),
    (DISC, 0.08, 0.14, (0, 0, 255)),
)
"""Shape, least and greatest side in shares of the frame's shorter one, colour (BGR); those behind
hide those before, so the small ones come last."""
OBJECTS = 6
OUTLINE = 0.009
"""Width of the black edge, of the shorter side."""
WHITE = 255
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
        self._ground = np.full(self._size_hw + (3,), WHITE, np.uint8)
        rng = np.random.RandomState(0)
        shorter = min(self._size_hw)
        kinds = [KINDS[len(KINDS) * i // OBJECTS] for i in range(OBJECTS)]
        shares = np.array([rng.uniform(least, most) for _, least, most, _ in kinds])
        self._sides = np.maximum(shares * shorter, 1).astype(int)
        edge = max(1, int(round(OUTLINE * shorter)))
        self._pictures = [
            _picture(shape(int(side)), edge, colour)
            for (shape, _, _, colour), side in zip(kinds, self._sides)
        ]
        self._room_xy = np.array(self._size_hw[::-1]) - self._sides[:, np.newaxis]
        self._begin_xy = rng.uniform(size=(OBJECTS, 2)) * 2 * self._room_xy
        self._step_xy = rng.uniform(-1, 1, (OBJECTS, 2)) * RELATIVE_SPEED * shorter / self._fps

    @property
    def due_s(self) -> Optional[float]:
        """When the next frame is shown, see LiveSource."""
        return self._pace.due_s

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
        for (left, top, right, bottom), (mask, colours) in zip(boxes, self._pictures):
            frame[top:bottom, left:right][mask] = colours
        self._number += 1
        return frame

    def _release(self) -> None:
        """Nothing is held."""


def _picture(
    mask: "NDArray[np.bool_]", edge: int, colour: Tuple[int, int, int]
) -> "Tuple[NDArray[np.bool_], NDArray[np.uint8]]":
    """Return the mask of a shape and the colours of its pixels: black where the border is near."""
    padded = np.pad(mask, edge, "constant")
    inner, side = mask.copy(), len(mask)
    for down, right in ((0, edge), (edge, 0), (2 * edge, edge), (edge, 2 * edge)):
        inner &= padded[down : down + side, right : right + side]
    return mask, np.where(inner[mask][:, np.newaxis], colour, 0).astype(np.uint8)
