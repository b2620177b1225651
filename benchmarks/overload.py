"""Does a camera fall behind that is faster than its network? How old its frames are when they are
known, and what the process holds meanwhile. Linux only:

    python benchmarks/overload.py model.onnx --minutes 5 --out docs/results/overload.json
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from threading import Thread
from typing import IO, Any

import numpy as np
from results import Finding, Results, publish
from watched_process import COMMAND, growth, sampled, thinned

from edgedet.runtime.environment import describe_environment, package_versions

SOURCE = "shapes://640x480@60"
TILES = "2x2"
"""Five runs of the network a frame: a slow one."""
MOST_AGE = 2.0
"""Inferences: a frame waits for the one before its own at the most."""
PROTOCOL = (
    "edgedet camera --json as a process of its own; age of a frame = from its capture until its "
    "detections are known, in times of the mean of its own inference and the one before it; the "
    "first frame, which waits for the network to get ready, is left out"
)


def main() -> None:
    """Run the camera, read its lines, and publish what was seen."""
    arguments = parse_arguments()
    command = [COMMAND, "camera", str(arguments.model), "--json"]
    command += ["--source", arguments.source, "--tiles", arguments.tiles]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines: list[dict[str, Any]] = []
    reader = Thread(target=read_lines, args=(process.stdout, lines))
    reader.start()
    try:
        samples = list(sampled(process, 60 * arguments.minutes))
    finally:
        process.terminate()
        process.wait(30)
        reader.join()
    settings = {key: str(value) for key, value in vars(arguments).items() if key != "out"}
    rows = [sample._asdict() for sample in thinned(samples)]
    findings = [*ages(lines[1:]), *growth(samples)]
    environment = {**describe_environment(), "packages": package_versions()}
    results = Results("overload", settings, environment, rows, findings, protocol=PROTOCOL)
    publish(results, arguments.out)


def parse_arguments() -> argparse.Namespace:
    """Return what the words of the command line say."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--source", default=SOURCE)
    parser.add_argument("--tiles", default=TILES)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def read_lines(stream: IO[str], lines: list[dict[str, Any]]) -> None:
    """Keep of each line what is asked of it, until there are no more."""
    for line in stream:
        values = json.loads(line)
        lines.append({name: values[name] for name in ("frame", "age_ms", "inference_ms")})


def ages(lines: list[dict[str, Any]]) -> list[Finding]:
    """Return how many frames were looked at, and how old they became, in times of the inferences
    that they met: the one that ran when they came, and their own.
    """
    own_ms = np.array([line["inference_ms"] for line in lines])
    met_ms = (own_ms[:-1] + own_ms[1:]) / 2
    times = np.array([line["age_ms"] for line in lines[1:]]) / met_ms
    came = lines[-1]["frame"] - lines[0]["frame"] + 1
    half, most = (round(float(np.percentile(times, share)), 2) for share in (50, 99))
    return [
        Finding("median inference", round(float(np.median(own_ms)), 1), "ms"),
        Finding("looked at", round(len(lines) / came, 3), "of the frames that came"),
        Finding("age, median", half, "inferences", MOST_AGE),
        Finding("age, 99 of 100", most, "inferences", MOST_AGE),
        Finding("age, oldest", round(float(times.max()), 2), "inferences", MOST_AGE),
    ]


if __name__ == "__main__":
    main()
