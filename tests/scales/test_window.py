import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedet.runtime.errors import UsageError
from edgedet.scales.window import DEFAULT, PAPER, Window, window_from


def test_distances_in_octaves():
    ratios = np.array([0.75, 1.5, 2.0, 2.5, 5.0, 8.0])
    assert PAPER.octaves_off(ratios)[[2, 5]].tolist() == [0, 2]
    assert PAPER.octaves_outside(ratios) == pytest.approx([1, 0, 0, 0, 1, np.log2(3.2)])
    assert PAPER.holds(ratios).tolist() == [False, True, True, True, False, False]


@given(low=st.floats(0.1, 10), factor=st.floats(1.01, 10), zoom=st.floats(0.1, 10))
def test_distances_do_not_hang_on_the_unit(low, factor, zoom):
    """Twice the field with a window twice as far out is as far off."""
    ratios = np.array([0.5, 1.0, 3.0, 20.0])
    window, zoomed = Window(low, low * factor), Window(low * zoom, low * factor * zoom)
    assert zoomed.octaves_off(ratios * zoom) == pytest.approx(window.octaves_off(ratios), abs=1e-9)


def test_what_a_user_types():
    assert window_from("1.5,2.5") == PAPER
    assert str(window_from("3, 8")) == str(DEFAULT) == "3 to 8"
    for text in ("", "2", "2,1", "0,2", "a,b", "1,2,3", "1,inf", "nan,2"):
        with pytest.raises(UsageError, match="1.5,2.5"):
            window_from(text)
