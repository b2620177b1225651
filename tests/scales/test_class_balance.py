import numpy as np
import pytest

from edgedet.scales.class_balance import class_weights


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((100,), None),
        ((100, 34), None),
        ((100, 0), None),
        ((1592, 395, 431), "auto"),
        ((10, 100, 0), "auto"),
        ((2985, 1, 597), [1.0, 10.0, 5.0]),
        ((2985, 1, 0), [1.0, 10.0, 1.0]),
    ],
)
def test_weights_by_counts(counts, expected):
    found = class_weights("abc"[: len(counts)], np.array(counts))
    assert (found and found.value) == expected
