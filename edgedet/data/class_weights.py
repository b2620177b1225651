"""Weights that make rare classes count as much as frequent ones."""

import numpy as np
import numpy.typing as npt


def auto_class_weights(counts: npt.NDArray[np.int64]) -> tuple[float, ...]:
    """Return w_c = n_max / n_c of each class (`scale_aware_ssd` spec, section 5).

    A class without objects gets 1: it has no positive to be weighted.
    """
    weights = np.where(counts > 0, counts.max() / np.maximum(counts, 1), 1.0)
    return tuple(float(weight) for weight in weights)
