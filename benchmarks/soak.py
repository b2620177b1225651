"""Does a camera that runs for long grow? Memory, open files and threads of `edgedet camera`.

Frames are generated far faster than a camera's, or come from --source; a client watches the page
all the while, and the process is looked at in /proc every few seconds. Linux only:

    python benchmarks/soak.py model.onnx --minutes 60 --out docs/results/soak.json
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from results import Finding, Results, publish

from edgedet.runtime.environment import describe_environment

EVERY_S = 5.0
FAST = "shapes://640x480@240"
MOST_GROWTH = 0.02
"""Of the memory in use, between the second tenth of the run and the last one."""


class Sample(NamedTuple):
    """One look at the process."""

    at_s: float
    rss_kib: int
    files: int
    threads: int


def main() -> None:
    """Run the camera, watch it, and publish what was seen."""
    arguments = parse_arguments()
    port = free_port()
    command = [sys.executable, "-m", "edgedet", "camera", str(arguments.model), "--track"]
    command += ["--source", arguments.source, "--serve", "--listen", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        threading.Thread(target=watch_page, args=(port,), daemon=True).start()
        samples = list(sampled(process, 60 * arguments.minutes))
        state = page_state(port)
    finally:
        process.terminate()
        process.wait(30)
    settings = {"source": arguments.source, "minutes": arguments.minutes, "state_at_end": state}
    rows = [sample._asdict() for sample in thinned(samples)]
    results = Results("soak", settings, describe_environment(), rows, findings_of(samples))
    publish(results, arguments.out)


def parse_arguments() -> argparse.Namespace:
    """Return what the words of the command line say."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--source", default=FAST)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def free_port() -> int:
    """Return a port of this machine that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when the page answers; RuntimeError when the camera ended before."""
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(f"the camera ended with {process.returncode}")
        with suppress(OSError):
            page_state(port)
            return
        time.sleep(0.1)
    raise RuntimeError("the page does not answer")


def page_state(port: int) -> dict[str, Any]:
    """Return what the page's own state says."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/state", timeout=10) as answer:
        state: dict[str, Any] = json.load(answer)
        return state


def watch_page(port: int) -> None:
    """Look at the live picture, as a browser does, until the camera ends."""
    name = page_state(port)["cameras"][0]["name"]
    with suppress(OSError):
        address = f"http://127.0.0.1:{port}/stream/{name}.mjpg"
        with urllib.request.urlopen(address, timeout=30) as stream:
            while stream.read(65536):
                pass


def sampled(process: subprocess.Popen[bytes], seconds: float) -> Iterator[Sample]:
    """Yield a sample every few seconds; RuntimeError when the process ends."""
    folder, began_s = Path(f"/proc/{process.pid}"), time.monotonic()
    while (at_s := time.monotonic() - began_s) < seconds:
        if process.poll() is not None:
            raise RuntimeError(f"the camera ended with {process.returncode} after {at_s:.0f} s")
        status = dict(
            line.split(":", 1) for line in (folder / "status").read_text().splitlines() if line
        )
        files = len(list((folder / "fd").iterdir()))
        yield Sample(round(at_s, 1), int(status["VmRSS"].split()[0]), files, int(status["Threads"]))
        time.sleep(EVERY_S)


def findings_of(samples: list[Sample]) -> list[Finding]:
    """Return by how much it grew, from the second tenth of the run to the last."""
    tenth = max(1, len(samples) // 10)
    early, late = samples[tenth : 2 * tenth] or samples, samples[-tenth:]

    def grown(field: str) -> float:
        before, after = (median(getattr(each, field) for each in group) for group in (early, late))
        return float(after) - float(before)

    share = grown("rss_kib") / median(each.rss_kib for each in early)
    return [
        Finding("growth of the memory in use", round(share, 4), "share", MOST_GROWTH),
        Finding("more open files", grown("files"), "files", 0.0),
        Finding("more threads", grown("threads"), "threads", 0.0),
    ]


def thinned(samples: list[Sample]) -> list[Sample]:
    """Return some fifty of them, for the record."""
    return samples[:: max(1, len(samples) // 50)]


if __name__ == "__main__":
    main()
