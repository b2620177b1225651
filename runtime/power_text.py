"""Power, temperature, clocks and throttling of a measurement as text."""

from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from .markdown import markdown_table

NOTHING = "-"
FIGURES = ("min", "mean", "max", "last")
UNITS = (("power_w", "power", "W"), ("clock_mhz", "clock", "MHz"), ("load_percent", "load", "%"))


def throttle_lines(report: Dict[str, Any]) -> Iterator[str]:
    """Yield a line when clocks were held down: the speed is then not the device's best."""
    power = report.get("power")
    if power and power["throttled"]:
        shares = ["{} ({:.0f} %)".format(k, 100 * v) for k, v in power["throttle_reasons"].items()]
        line = "THROTTLED: {} of {} readings; the times are of a device held back"
        yield line.format(", ".join(shares), power["readings"])


def power_lines(report: Dict[str, Any]) -> Iterator[str]:
    """Yield a table, what is to be said of it, and the table of a sustained run."""
    power = report.get("power")
    if power:
        yield _table(_rows(power), ("sensors",) + FIGURES)
        for line in _remarks(power):
            yield line
    else:
        yield "power: not readable ({})".format(report.get("power_missing"))
    sustained = report.get("sustained")
    if sustained:
        yield _table(*_told(_slices(sustained), _COLUMNS))
        yield _slowed(sustained)


def _rows(power: Dict[str, Any]) -> List[List[str]]:
    rows = [
        _row("{} {} {}".format(label, name, unit), figures)
        for kind, label, unit in UNITS
        for name, figures in power[kind].items()
    ]
    hottest = _hottest(power["temperature_c"])
    if hottest:
        rows.append(_row("hottest sensor ({}) C".format(hottest[0]), hottest[1]))
    return rows


def _row(label: str, figures: Dict[str, float]) -> List[str]:
    return [label] + [_short(figures[name]) for name in FIGURES]


def _hottest(temperatures: Dict[str, Dict[str, float]]) -> Optional[Tuple[str, Dict[str, float]]]:
    if not temperatures:
        return None
    return max(temperatures.items(), key=lambda named: named[1]["max"])


def _remarks(power: Dict[str, Any]) -> Iterator[str]:
    read = "{} readings in {:.1f} s by {}"
    yield read.format(power["readings"], power["seconds"], ", ".join(power["sources"]))
    total = power["total_power_w"]
    if total and power["energy_per_frame_j"] is not None:
        energy = "energy: {:.3g} J a frame, out of {}"
        yield energy.format(power["energy_per_frame_j"], total["of"])
    if not power["throttled"]:
        seen = "cannot be told here" if power["throttled"] is None else "none seen"
        yield "throttling: {}".format(seen)
    for fault in power["faults"]:
        yield "sensors: {}".format(fault)


_COLUMNS = ("to s", "FPS", "median ms", "power W", "hottest C", "GPU MHz", "CPU MHz", "throttled")


def _slices(sustained: Dict[str, Any]) -> List[List[str]]:
    rows = []
    for one in sustained["slices"]:
        clocks = [one["clock_mhz"].get(name) for name in ("gpu", "cpu")]
        values = [one["to_s"], one["fps"], one["median_ms"], one["power_w"], one["hottest_c"]]
        reasons = ", ".join(one["throttle_reasons"]) or NOTHING
        rows.append([_short(value) for value in values + clocks] + [reasons])
    return rows


def _told(rows: List[List[str]], headers: Sequence[str]) -> Tuple[List[List[str]], List[str]]:
    """Leave out the columns that say nothing."""
    kept = [i for i in range(len(headers)) if any(row[i] != NOTHING for row in rows)]
    return [[row[i] for i in kept] for row in rows], [headers[i] for i in kept]


def _slowed(sustained: Dict[str, Any]) -> str:
    slowed = sustained["slowed_percent"]
    if slowed is None:
        return "sustained: too few calls in {} s to compare".format(sustained["seconds"])
    line = "sustained: the last part of {} s takes {:.1f} % longer than the fastest"
    return line.format(sustained["seconds"], slowed)


def _short(value: Optional[float]) -> str:
    if value is None:
        return NOTHING
    return "{:.0f}".format(value) if abs(value) >= 1000 else "{:.2f}".format(value)


def _table(rows: List[List[str]], headers: Sequence[str]) -> str:
    words = ("sensors", "throttled")
    numeric = [name not in words for name in headers]
    return "\n{}\n".format(markdown_table(headers, rows, numeric)) if rows else ""
