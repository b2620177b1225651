"""An estimate as text: every table says that it is one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edgedet.runtime.markdown import markdown_table
from edgedet.runtime.speed_text import number

SHOWN_LAYERS = 10
PARTS = ("arithmetic_ms", "memory_ms", "kernels_ms", "total_ms")


def estimate_text(report: Mapping[str, Any]) -> str:
    """Return headline, bounds, where the time goes, the costliest layers and the assumptions."""
    parts = [*_headline(report), _bounds(report), _times(report), _layers(report)]
    return "\n".join([*parts, *_assumptions(report)])


def _headline(report: Mapping[str, Any]) -> Iterator[str]:
    yield f"ESTIMATE for {report['device']}: nothing was measured; --host user@board measures"
    size = report["input_size_hw"]
    shape = f"input {size[1]}x{size[0]} {report['input_dtype']}, " if size else ""
    yield f"{report['model']}: {shape}batch {report['batch']}"
    network = report["network"]
    yield (
        f"network: {network['gmacs']:.3f} GMAC, {network['parameters'] / 1e6:.2f} M parameters, "
        f"{network['layers_with_products']} layers with products of {network['layers']}"
    )
    if report["uncounted"]:
        names = ", ".join(report["uncounted"])
        yield f"NOT COUNTED: the products of {names}; the bounds are too fast by them"


def _bounds(report: Mapping[str, Any]) -> str:
    rows = [
        [
            each["precision"].upper(),
            number(each["cautious_fps"]),
            number(each["at_most_fps"]),
            number(each["cautious"]["total_ms"]),
            number(each["at_most"]["total_ms"]),
        ]
        for each in report["estimates"]
    ]
    headers = ("ESTIMATE", "cautious FPS", "at most FPS", "cautious ms", "at least ms")
    return _table(headers, rows)


def _times(report: Mapping[str, Any]) -> str:
    rows = [
        [f"{each['precision'].upper()} {label}", *(number(each[case][part]) for part in PARTS)]
        for each in report["estimates"]
        for label, case in (("cautious", "cautious"), ("at best", "at_most"))
    ]
    headers = ("ESTIMATE by part", "arithmetic ms", "memory ms", "kernels ms", "together ms")
    return _table(headers, rows)


def _layers(report: Mapping[str, Any]) -> str:
    ranked = sorted(report["layers"], key=lambda layer: -layer["cautious_ms"])[:SHOWN_LAYERS]
    total = sum(layer["cautious_ms"] for layer in report["layers"]) or 1.0
    rows = [
        [
            f"{layer['op_type']} {layer['module'] or layer['name']}",
            f"{layer['macs'] / 1e6:.1f}",
            f"{_moved(layer) / 1e6:.2f}",
            f"{100 * layer['cautious_ms'] / total:.0f}",
        ]
        for layer in ranked
    ]
    precision = report["estimates"][-1]["precision"].upper()
    headers = (f"costliest layers, {precision}", "MMAC", "MB moved", "% of cautious time")
    return _table(headers, rows)


def _moved(layer: Mapping[str, Any]) -> int:
    return sum(layer[f"{what}_bytes"] for what in ("weight", "read", "written"))


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    numeric = [index > 0 for index in range(len(headers))]
    return f"\n{markdown_table(headers, rows, numeric)}"


def _assumptions(report: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "assumptions:"
    for line in report["assumptions"]:
        yield f"- {line}"
