"""The report of a speed measurement as text for a terminal or a pull request."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

from edgedet.published import PublishedRow
from edgedet.speed_comparison import Comparison

MIN_WIDTH = 100
SPEEDS = (
    ("network only", "network_only"),
    ("engine call with copies", "engine_call"),
    ("frame to result", "frame_to_result"),
)
TIMES = ("median_ms", "p90_ms", "p99_ms")


def speed_text(report: Mapping[str, Any], comparison: Comparison | None = None) -> str:
    """Return headline, tables and remarks; the tables are Markdown and plain ASCII."""
    parts = [*_headline(report), _speeds(report), _stages(report), *_remarks(report)]
    if comparison is not None:
        parts += _compared(report, comparison)
    return "\n".join(parts)


def _headline(report: Mapping[str, Any]) -> Iterable[str]:
    env = report["environment"]
    height, width = report["input_size_hw"]
    sizes = ", ".join(f"{w}x{h}" for h, w in report["frame_sizes_hw"])
    yield f"{report['model']}: input {width}x{height} {report['input_dtype']}, {report['device']}"
    yield f"frames: {report['source']}, {report['frames']} of {sizes}, batch {report['batch']}"
    yield f"machine: {env['board'] or env['os']}, {env['cpu']}, {env['usable_cores']} cores"
    packages = " ".join(f"{name} {version}" for name, version in env["packages"].items())
    yield f"software: Python {env['python']}, {packages}"
    clocks = ("governor", "clock_mhz", "power_mode")
    readings = ", ".join(f"{key.replace('_', ' ')} {_or_unread(env, key)}" for key in clocks)
    yield f"threads: {env['threads'] or 'chosen by the engine'}; {readings}"
    yield from (f"GPU: {', '.join(gpu.values())}" for gpu in env["gpu"])
    yield from _busy(env)


def _or_unread(environment: Mapping[str, Any], key: str) -> str:
    value = environment[key]
    return "not readable" if value is None else f"{value}"


def _busy(environment: Mapping[str, Any]) -> Iterable[str]:
    load = environment["load_average"]
    if environment["machine_busy"]:
        yield f"MACHINE BUSY: load average {load[0]} at the start; the times are not to be trusted"


def _speeds(report: Mapping[str, Any]) -> str:
    rows = [
        [label, *(_number(report[key][time]) for time in TIMES), _number(report[key]["fps"])]
        for label, key in SPEEDS
    ]
    return _table("speed", ("", "median ms", "p90 ms", "p99 ms", "FPS"), rows)


def _stages(report: Mapping[str, Any]) -> str:
    rows = [
        [name.replace("_", " "), *(_number(times[time]) for time in TIMES)]
        for name, times in report["stages"].items()
    ]
    return _table("stages", ("", "median ms", "p90 ms", "p99 ms"), rows)


def _remarks(report: Mapping[str, Any]) -> Iterable[str]:
    yield f"network only: {report['network_only']['how']}"
    yield (
        f"frame to result costs {_number(report['beyond_network_percent'])} % beyond the network, "
        f"with {report['detections_per_frame']} detections a frame"
    )
    yield f"{report['warmup']} calls of warm-up, {report['iterations']} timed; FPS from medians"
    if report["model"].endswith(".onnx"):
        yield "parity: `edgedet export` writes no model whose parity with PyTorch failed"


def _compared(report: Mapping[str, Any], comparison: Comparison) -> Iterable[str]:
    if not comparison.speed:
        return ["published: no paper of ours gives a speed for this model"]
    return [_published(report, comparison), _conditions(comparison), *comparison.notes]


def _published(report: Mapping[str, Any], comparison: Comparison) -> str:
    ours = [
        ["this model", f"FPS, {label}", "here", _number(report[key]["fps"])]
        for label, key in SPEEDS
    ]
    speeds = [_published_row(row, "mean_FPS", "FPS") for row in comparison.speed]
    accuracy = [
        _published_row(row, column.key, f"{column.key} %")
        for row in comparison.accuracy
        for column in row.table.columns
        if column.kind == "metric"
    ]
    return _table("published", ("model", "figure", "source", "value"), ours + speeds + accuracy)


def _published_row(row: PublishedRow, key: str, figure: str) -> list[str]:
    where = (row.table.id, row.table.hardware or row.table.dataset)
    source = ", ".join(text for text in where if text)
    return [str(row.values["detector"]), figure, source, str(row.values[key])]


def _conditions(comparison: Comparison) -> str:
    rows = [[c.name, c.published, c.ours] for c in comparison.conditions]
    return _table("conditions that differ or are not stated", ("", "published", "here"), rows)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.MARKDOWN)
    for index, name in enumerate(header):
        numeric = name.endswith((" ms", "FPS", "value"))
        table.add_column(name or title, justify="right" if numeric and index else "left")
    for row in rows:
        table.add_row(*row)
    width = max(MIN_WIDTH, shutil.get_terminal_size().columns)
    text = StringIO()
    Console(file=text, width=width, markup=False, highlight=False).print(table)
    lines = (line.rstrip() for line in text.getvalue().splitlines())
    return "\n".join(["", *filter(None, lines), ""])
