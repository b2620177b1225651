"""What weights of the classes the labels ask for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgedet.data.class_weights import auto_class_weights
from edgedet.scales.setting import Setting

IMBALANCED = 3.0
"""From this ratio of the most to the least frequent class on, weights are set."""
LARGEST_WEIGHT = 10.0
"""A class weighted more than this is learnt from too few objects to be learnt well: its few boxes
would outweigh all the others."""


def class_weights(names: Sequence[str], counts: NDArray[np.int64]) -> Setting | None:
    """Return the setting of `class_weights`, or None when the classes are balanced.

    counts: [classes] objects; a class without any weighs 1.
    """
    seen = counts[counts > 0]
    ratio = seen.max() / seen.min()
    if ratio <= IMBALANCED:
        return None
    listed = ", ".join(f"{name} {count}" for name, count in zip(names, counts, strict=True))
    if ratio <= LARGEST_WEIGHT:
        return Setting("auto", f"objects: {listed}; a rare class weighs n_max / n")
    capped = [round(min(weight, LARGEST_WEIGHT), 2) for weight in auto_class_weights(counts)]
    return Setting(
        capped, f"objects: {listed}; n_max / n, but at most {LARGEST_WEIGHT:g} (auto: {ratio:.0f})"
    )
