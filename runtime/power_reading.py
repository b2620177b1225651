"""What the sensors of a machine say at one moment."""

from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

KINDS = ("power_w", "temperature_c", "clock_mhz", "load_percent")
"""The fields of a reading that hold numbers by name."""


class Reading(NamedTuple):
    """One moment of one source; a name that it cannot tell is not in it.

    Names are lower-case parts ("gpu", "cpu", "memory", "tj"), except those of power, which are the
    rails as the board prints them ("VDD_IN").
    """

    time_s: float
    """Of time.monotonic."""
    power_w: Dict[str, float] = {}
    temperature_c: Dict[str, float] = {}
    clock_mhz: Dict[str, float] = {}
    load_percent: Dict[str, float] = {}
    throttled: Optional[Tuple[str, ...]] = None
    """Why the clocks are held down; () = they are not, None = this source does not know."""


Take = Callable[[Reading], None]
"""What a source hands its readings to; called from the threads of the sources."""


def reading_of(time_s: float, values: Dict[str, Dict[str, float]], **told: Any) -> Reading:
    """Return a reading out of numbers by kind and name; `told` are its other fields."""
    return Reading(time_s, **dict({kind: values.get(kind, {}) for kind in KINDS}, **told))
