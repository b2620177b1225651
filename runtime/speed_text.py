"""The report of a speed measurement as text for a terminal or a pull request."""

from typing import Any, Dict, Iterator, List, Optional, Sequence

from .markdown import markdown_table
from .memory_steps import memory_line
from .power_text import power_lines, throttle_lines

SPEEDS = (
    ("network only", "network_only"),
    ("engine call with copies", "engine_call"),
    ("frame to result", "frame_to_result"),
)
TIMES = ("median_ms", "p90_ms", "p99_ms")


def speed_text(report: Dict[str, Any]) -> str:
    """Return headline, tables and remarks; the tables are Markdown and plain ASCII."""
    parts = list(_headline(report))
    parts += [_speeds(report), _stages(report)] + list(_remarks(report))
    return "\n".join(parts + list(power_lines(report)))


def number(value: Optional[float]) -> str:
    """Return a time or speed as it stands in the tables."""
    return "-" if value is None else "{:.2f}".format(value)


def titled_table(title: str, headers: Sequence[str], rows: List[List[str]]) -> str:
    """Return a table between blank lines; its title stands where the first column has no name."""
    names = [name or title for name in headers]
    numeric = [bool(i) and n.endswith((" ms", "FPS", "value")) for i, n in enumerate(headers)]
    return "\n{}\n".format(markdown_table(names, rows, numeric))


def _headline(report: Dict[str, Any]) -> Iterator[str]:
    env = report["environment"]
    height, width = report["input_size_hw"]
    sizes = ", ".join("{}x{}".format(w, h) for h, w in report["frame_sizes_hw"])
    shape = "input {}x{} {}".format(width, height, report["input_dtype"])
    yield "{}: {}, {}".format(report["model"], shape, report["device"])
    frames = "frames: {}, {} of {}, batch {}"
    yield frames.format(report["source"], report["frames"], sizes, report["batch"])
    machine = "machine: {}, {}, {} cores"
    yield machine.format(env["board"] or env["os"], env["cpu"], env["usable_cores"])
    packages = ["{} {}".format(name, version) for name, version in env["packages"].items()]
    yield "software: Python {}, {}".format(env["python"], " ".join(packages))
    readings = [_reading(env, key) for key in ("governor", "clock_mhz", "power_mode")]
    threads = env["threads"] or "chosen by the engine"
    yield "threads: {}; {}".format(threads, ", ".join(readings))
    for gpu in env["gpu"]:
        yield "GPU: {}".format(", ".join(gpu.values()))
    if env["machine_busy"]:
        busy = "MACHINE BUSY: load average {} at the start; the times are not to be trusted"
        yield busy.format(env["load_average"][0])
    for line in throttle_lines(report):
        yield line


def _reading(environment: Dict[str, Any], key: str) -> str:
    value = environment[key]
    return "{} {}".format(key.replace("_", " "), "not readable" if value is None else value)


def _speeds(report: Dict[str, Any]) -> str:
    rows = [
        [label] + [number(report[key][time]) for time in TIMES] + [number(report[key]["fps"])]
        for label, key in SPEEDS
    ]
    return titled_table("speed", ("", "median ms", "p90 ms", "p99 ms", "FPS"), rows)


def _stages(report: Dict[str, Any]) -> str:
    rows = [
        [name.replace("_", " ")] + [number(times[time]) for time in TIMES]
        for name, times in report["stages"].items()
    ]
    return titled_table("stages", ("", "median ms", "p90 ms", "p99 ms"), rows)


def _remarks(report: Dict[str, Any]) -> Iterator[str]:
    yield "network only: {}".format(report["network_only"]["how"])
    beyond = "frame to result costs {} % beyond the network, with {} detections a frame"
    yield beyond.format(number(report["beyond_network_percent"]), report["detections_per_frame"])
    calls = "{} calls of warm-up, {} timed; FPS from medians"
    yield calls.format(report["warmup"], report["iterations"])
    if "memory" in report:
        yield memory_line(report["memory"])
