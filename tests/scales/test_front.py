from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from edgedet.scales.front import on_front

POINTS = st.lists(
    st.builds(
        lambda fit, macs: SimpleNamespace(fit=fit, macs=macs), st.integers(0, 5), st.integers(1, 6)
    ),
    min_size=1,
    max_size=12,
)


@given(POINTS)
def test_what_is_not_on_the_front_is_beaten_by_something_that_is(points):
    front = [p for p in points if on_front(p, points)]
    assert front
    for p in points:
        better = any(
            f.fit >= p.fit and f.macs <= p.macs and (f.fit, f.macs) != (p.fit, p.macs)
            for f in front
        )
        assert better != on_front(p, points)
