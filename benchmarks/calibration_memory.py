"""Peak memory of a calibration by the number of images: it must not grow with them.

    python benchmarks/calibration_memory.py pear640.onnx ../shared/data/det_pear640/images \\
        --out docs/results/calibration_memory.json

Each number of images is a process of its own, whose largest resident set is read at its end.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from results import Finding, Results, publish

from edgedet.runtime.environment import describe_environment, package_versions, usable_cores

PROTOCOL = "largest resident set (ru_maxrss) of one process for each number of images, at its end"
IMAGES = (16, 256)
MOST_GROWTH_MB = 32.0
"""From the least to the largest number: what the allocator leaves lying about, no image."""


def calibrated(model: Path, folder: Path, count: int, threads: int) -> dict[str, Any]:
    """Calibrate on `count` images of a folder, again from the first where it has fewer, and return
    what it took. In a process of its own: a peak never falls.
    """
    import resource

    import onnx

    from edgedet.calibration.batches import ImageBatches
    from edgedet.calibration.bias_correction import channel_means
    from edgedet.calibration.collection import collect
    from edgedet.export.metadata import read_spec

    graph = onnx.load(model)
    found = sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".png"))
    paths = (found * (count // len(found) + 1))[:count]
    batch = int(graph.graph.input[0].type.tensor_type.shape.dim[0].dim_value)
    batches = ImageBatches(paths, read_spec(graph), batch)
    started = time.perf_counter()
    collect(graph, batches, threads=threads)
    channel_means(graph, batches, threads=threads)
    return {
        "images": count,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "seconds": time.perf_counter() - started,
    }


def apart(options: argparse.Namespace, count: int) -> dict[str, Any]:
    """Return what `calibrated` does, of a process of its own."""
    command = [sys.executable, __file__, str(options.model), str(options.folder)]
    command += ["--only", str(count), "--threads", str(options.threads)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", type=Path, help="ONNX file in FP32")
    parser.add_argument("folder", type=Path, help="of images")
    parser.add_argument("--images", type=int, nargs="+", default=IMAGES)
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--only", type=int, help="calibrate once, here, and print JSON")
    parser.add_argument("--out", type=Path, help="JSON file")
    options = parser.parse_args()
    if options.only is not None:
        found = calibrated(options.model, options.folder, options.only, options.threads)
        print(json.dumps(found))
        return
    runs = [apart(options, count) for count in options.images]
    growth = max(run["peak_mb"] for run in runs) - runs[0]["peak_mb"]
    peaks = [Finding(f"{run['images']} images", run["peak_mb"], "MB") for run in runs]
    grown = Finding(f"growth beyond {runs[0]['images']} images", growth, "MB", MOST_GROWTH_MB)
    settings = {"model": options.model.name, "images": list(options.images)}
    environment = {**describe_environment(options.threads), "packages": package_versions()}
    results = Results(
        "calibration_memory",
        settings,
        environment,
        rows=[],
        findings=[*peaks, grown],
        details={"runs": runs},
        protocol=PROTOCOL,
    )
    publish(results, options.out)


if __name__ == "__main__":
    main()
