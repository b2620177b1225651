"""The readings of a run as figures."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from .power_reading import KINDS, Reading

BOARD_RAILS = ("VDD_IN", "POM_5V_IN", "VIN")
"""What all the rest is fed from, so that it is the board's whole power."""
SUMS = (
    ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"),  # AGX Orin; its VDDQ is fed from VIN_SYS_5V0
    ("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"),  # AGX Xavier
)
"""Rails that make up the whole where none is in front of all."""
CARD = "gpu"


class _Total(NamedTuple):
    """Whole power of a board or card."""

    of: str
    watts: List[float]


def power_report(readings: Sequence[Reading], frame_s: float) -> Optional[Dict[str, Any]]:
    """Return figures of readings in plain JSON types, None when they tell nothing.

    ``power_w``, ``temperature_c``, ``clock_mhz``, ``load_percent``: by name least, mean and most,
    first and last. ``total_power_w``: the same of the whole board or card, and ``of`` what that
    is. ``energy_per_frame_j``: its mean x `frame_s`, the seconds that one frame takes; None also
    for a card that did nothing. ``throttled``: whether clocks were held down, None where nothing
    tells; ``throttle_reasons``: in which share of the readings, 0..1.
    """
    if not any(any(getattr(r, k) for k in KINDS) or r.throttled is not None for r in readings):
        return None
    figures: Dict[str, Any] = {kind: _by_name(readings, kind) for kind in KINDS}
    total = _total(readings)
    reasons = throttle_shares(readings)
    figures.update(
        total_power_w=None if total is None else dict(spread(total.watts), of=total.of),
        energy_per_frame_j=_energy(total, figures["load_percent"], frame_s),
        throttled=None if reasons is None else bool(reasons),
        throttle_reasons=reasons or {},
        readings=len(readings),
    )
    return figures


def throttle_shares(readings: Sequence[Reading]) -> Optional[Dict[str, float]]:
    """Return in which share of the readings that can tell each reason stands; None without any."""
    told = [reading.throttled for reading in readings if reading.throttled is not None]
    if not told:
        return None
    names = sorted({name for reasons in told for name in reasons})
    return {name: round(sum(name in r for r in told) / len(told), 3) for name in names}


def total_power_w(reading: Reading) -> Optional[float]:
    """Return the power of the whole board or card in one reading, or None."""
    total = _total([reading])
    return None if total is None else total.watts[0]


def spread(values: Sequence[float]) -> Dict[str, float]:
    """Return least, mean and most, first and last of numbers in the order of time."""
    figures = {
        "min": min(values),
        "mean": sum(values) / len(values),
        "max": max(values),
        "first": values[0],
        "last": values[-1],
    }
    return {name: round(value, 3) for name, value in figures.items()}


def _by_name(readings: Sequence[Reading], kind: str) -> Dict[str, Dict[str, float]]:
    series: Dict[str, List[float]] = {}
    for reading in readings:
        for name, value in getattr(reading, kind).items():
            series.setdefault(name, []).append(value)
    return {name: spread(values) for name, values in sorted(series.items())}


def _total(readings: Sequence[Reading]) -> Optional[_Total]:
    for names in [(name,) for name in BOARD_RAILS] + list(SUMS) + [(CARD,)]:
        watts = [
            sum(reading.power_w[name] for name in names)
            for reading in readings
            if all(name in reading.power_w for name in names)
        ]
        if watts:
            return _Total(" + ".join(names), watts)
    return None


def _energy(
    total: Optional[_Total], loads: Dict[str, Dict[str, float]], frame_s: float
) -> Optional[float]:
    if total is None:
        return None
    if total.of == CARD and loads.get(CARD, {"max": 1.0})["max"] == 0:
        return None  # the model ran elsewhere
    return round(sum(total.watts) / len(total.watts) * frame_s, 6)
