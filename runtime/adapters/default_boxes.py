"""The default boxes of SSD, Liu et al. 2016, arXiv:1512.02325, section 2.2, as TorchVision lays
them out.
"""

import math
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class DefaultBoxes(NamedTuple):
    """One layout of default boxes, level by level."""

    grids: Tuple[Tuple[int, int], ...]
    """Rows and columns of each level."""
    aspect_ratios: Tuple[Tuple[float, ...], ...]
    """Of each level, besides 1: each and its inverse."""
    scales: Tuple[float, ...]
    """Of each level and one more, as fractions of the input."""
    steps: Optional[Tuple[float, ...]] = None
    """Input pixels per cell; None: the input divided by the grid."""

    @property
    def total(self) -> int:
        """How many there are."""
        pairs = zip(self.grids, self.aspect_ratios)
        return sum(rows * columns * (2 + 2 * len(ratios)) for (rows, columns), ratios in pairs)


def _even_scales(least: float, most: float, levels: int) -> Tuple[float, ...]:
    steps = [least + (most - least) * k / (levels - 1) for k in range(levels)]
    return tuple(steps) + (1.0,)


def _squares(*sides: int) -> Tuple[Tuple[int, int], ...]:
    return tuple((side, side) for side in sides)


SSD300_VGG16 = DefaultBoxes(
    _squares(38, 19, 10, 5, 3, 1),
    ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)),
    (0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05),
    (8, 16, 32, 64, 100, 300),
)
SSDLITE320 = DefaultBoxes(_squares(20, 10, 5, 3, 2, 1), ((2, 3),) * 6, _even_scales(0.2, 0.95, 6))


def default_boxes(layout: DefaultBoxes, size_hw: Tuple[int, int]) -> "NDArray[np.float32]":
    """Centre x, y, width, height [n,4] in input pixels: by level, row, column, then shape."""
    levels = [_level(layout, level, size_hw) for level in range(len(layout.grids))]
    return np.concatenate(levels).astype(np.float32)


def _level(layout: DefaultBoxes, level: int, size_hw: Tuple[int, int]) -> Any:
    rows, columns = layout.grids[level]
    height, width = size_hw
    step_y = height / rows if layout.steps is None else layout.steps[level]
    step_x = width / columns if layout.steps is None else layout.steps[level]
    y, x = np.mgrid[:rows, :columns]
    centres = np.stack([(x.ravel() + 0.5) * step_x, (y.ravel() + 0.5) * step_y], axis=1)
    shapes = np.minimum(_shapes(layout, level), 1) * [width, height]
    return np.concatenate(
        [np.repeat(centres, len(shapes), axis=0), np.tile(shapes, (len(centres), 1))], axis=1
    )


def _shapes(layout: DefaultBoxes, level: int) -> "NDArray[np.floating]":
    """Width and height [n,2] as fractions of the input."""
    scale, following = layout.scales[level : level + 2]
    between = math.sqrt(scale * following)
    shapes = [(scale, scale), (between, between)]
    for ratio in layout.aspect_ratios[level]:
        wide, narrow = scale * math.sqrt(ratio), scale / math.sqrt(ratio)
        shapes += [(wide, narrow), (narrow, wide)]
    return np.array(shapes)


def layout_from(values: Dict[str, Any]) -> DefaultBoxes:
    """The layout that `layout_values` gave."""
    steps = values.get("steps")
    return DefaultBoxes(
        tuple((int(rows), int(columns)) for rows, columns in values["grids"]),
        tuple(tuple(ratios) for ratios in values["aspect_ratios"]),
        tuple(values["scales"]),
        None if steps is None else tuple(steps),
    )


def layout_values(layout: DefaultBoxes) -> Dict[str, Any]:
    """The layout as values for JSON."""
    return {
        "grids": [list(grid) for grid in layout.grids],
        "aspect_ratios": [list(ratios) for ratios in layout.aspect_ratios],
        "scales": list(layout.scales),
        "steps": None if layout.steps is None else list(layout.steps),
    }


def are_layout_values(values: Any) -> bool:
    """Whether `layout_from` can read them: as many of each as there are levels, one scale more."""
    if not isinstance(values, dict) or set(values) - set(DefaultBoxes._fields):
        return False
    grids, ratios, scales = (values.get(key) for key in ("grids", "aspect_ratios", "scales"))
    steps = values.get("steps")
    if not (_are_rows(grids) and _are_rows(ratios) and _are_positive(scales)):
        return False
    levels = len(grids)  # type: ignore[arg-type]
    whole = all(len(grid) == 2 and all(isinstance(n, int) for n in grid) for grid in grids or ())
    fits = (len(ratios or ()), len(scales or ())) == (levels, levels + 1)
    return whole and fits and (steps is None or (_are_positive(steps) and len(steps) == levels))


def _are_rows(values: Any) -> bool:
    return isinstance(values, list) and bool(values) and all(_are_positive(row) for row in values)


def _are_positive(values: Any) -> bool:
    return isinstance(values, list) and all(
        isinstance(v, (int, float)) and not isinstance(v, bool) and v > 0 for v in values
    )


def layouts_for(anchors: int, known: Sequence[DefaultBoxes]) -> List[DefaultBoxes]:
    """Those of the known layouts that have so many boxes."""
    return [layout for layout in known if layout.total == anchors]
