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
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from results import Results, publish
from watched_process import COMMAND, growth, sampled, thinned

from edgedet.runtime.environment import describe_environment, package_versions

FAST = "shapes://640x480@240"
PROTOCOL = (
    "edgedet camera --track --serve as a process of its own, with one who watches the page; /proc "
    "every 5 s; growth = median of the last tenth of the samples less that of the second tenth"
)


def main() -> None:
    """Run the camera, watch it, and publish what was seen."""
    arguments = parse_arguments()
    port = free_port()
    command = [COMMAND, "camera", str(arguments.model), "--track"]
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
    environment = {**describe_environment(), "packages": package_versions()}
    results = Results("soak", settings, environment, rows, growth(samples), protocol=PROTOCOL)
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


def wait_for(port: int, process: subprocess.Popen[Any]) -> None:
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


if __name__ == "__main__":
    main()
