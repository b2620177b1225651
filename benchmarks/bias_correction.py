"""AP of both INT8 forms by every method, with and without the correction of biases.

    python benchmarks/bias_correction.py --out docs/results/bias_correction.json \\
        --model pear640 pear640.onnx ../shared/data/det_pear640 \\
        --model bccd bccd.onnx ../shared/data/det_bccd
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from results import Finding, Results, publish

from edgedet.calibration.methods import METHODS
from edgedet.int8.calibrating import calibrated_on
from edgedet.int8.request import Int8Request
from edgedet.int8.subject import Subject, opened_subject
from edgedet.runtime.environment import describe_environment, package_versions

PROTOCOL = "edgedet's AP of the split val; ranges and means of the same images of the split train"


def rows_of(subject: Subject, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the AP, in points, of FP32 and of each form by each method."""
    calibration = calibrated_on(subject, folder / "statistics.npz")
    exact = subject.measured(subject.model, "AP of FP32").accuracy.ap
    for method in METHODS:
        corrected = calibration.by(method)
        for form in subject.request.forms:
            row: dict[str, Any] = {"form": form, "method": method, "fp32": 100 * exact}
            for name, calibrated in (
                ("corrected", corrected),
                ("as_trained", replace(corrected, means=None)),
            ):
                told = f"AP of {form} by {method}, biases {name}"
                accuracy = subject.measured(calibrated.quantised(form), told).accuracy
                row[name] = 100 * accuracy.ap
            yield row


def gained(name: str, rows: list[dict[str, Any]]) -> Finding:
    """Return by how much closer to FP32 the forms are with the correction, on the mean."""
    apart = {
        key: sum(abs(row[key] - row["fp32"]) for row in rows) / len(rows)
        for key in ("corrected", "as_trained")
    }
    told = f"{name}: mean distance to FP32 without, less that with"
    return Finding(told, apart["as_trained"] - apart["corrected"], "points", 0.0, False)


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    told = ("NAME", "ONNX", "DATA")
    parser.add_argument("--model", nargs=3, action="append", required=True, metavar=told)
    parser.add_argument("--images", type=int, default=128, help="to calibrate on")
    parser.add_argument("--out", type=Path, help="JSON file")
    options = parser.parse_args()
    details: dict[str, Any] = {}
    found: list[Finding] = []
    for name, model, data in options.model:
        with TemporaryDirectory() as folder:
            request = Int8Request(Path(model), data, Path(folder), images=options.images)
            details[name] = list(rows_of(opened_subject(request), Path(folder)))
        found.append(gained(name, details[name]))
    settings = {key: value for key, value in vars(options).items() if key != "out"}
    environment = {**describe_environment(), "packages": package_versions()}
    results = Results("bias_correction", settings, environment, [], found, details, PROTOCOL)
    publish(results, options.out)


if __name__ == "__main__":
    main()
