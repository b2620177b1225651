"""How much of each generated shape shows: what no detector can find.

python benchmarks/hidden_shapes.py
"""

from collections.abc import Sequence

import numpy as np

from edgedet.data.shapes import CLASS_NAMES, Shape, draw_scene, paint
from edgedet.data.shapes_options import ShapesOptions

VALIDATION_STREAM = 1
LIMITS = (0.05, 0.25, 0.5)


def visible_shares(scene: Sequence[Shape]) -> list[float]:
    """Return the share of each object's pixels that later objects leave."""
    masks = [np.asarray(paint([shape]).convert("L")) < 255 for shape in scene]
    later = [np.any(masks[i + 1 :], axis=0) for i in range(len(masks))]
    return [float((m & ~c).sum() / m.sum()) for m, c in zip(masks, later, strict=True)]


def main() -> None:
    """Print, for each class of the validation part, how many objects show less than the limits."""
    options = ShapesOptions()
    rng = np.random.RandomState([options.seed, VALIDATION_STREAM])
    scenes = [draw_scene(rng, options) for _ in range(options.val)]
    pairs = [pair for s in scenes for pair in zip(s, visible_shares(s), strict=True)]
    for label, name in enumerate(CLASS_NAMES):
        shares = np.array([share for shape, share in pairs if shape.label == label])
        below = ", ".join(f"{(shares < limit).sum()} under {limit:.0%}" for limit in LIMITS)
        print(f"{name}: {len(shares)} objects, {below}")


if __name__ == "__main__":
    main()
