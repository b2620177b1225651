"""What the gate of `edgedet export --int8` makes of bad cases: a channel that is far larger than
its neighbours, black images, two images only.

    python benchmarks/int8_bad_cases.py pear640.onnx ../shared/data/det_pear640 \\
        --out docs/results/int8_bad_cases.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import cv2
import numpy as np
from outlier_channel import with_outlier
from results import Results, publish

from edgedet.export.onnx_file import load_onnx, save_onnx
from edgedet.int8.accuracy import points_lost, without_minus_zero
from edgedet.int8.request import Int8Request
from edgedet.int8.run import export_int8
from edgedet.runtime.environment import describe_environment
from edgedet.runtime.errors import ModelError

FACTOR = 1e4
"""Of the outlier channel."""
SIZE_HW = (640, 640)
"""Of black images."""
VAL = "val.json"
PROTOCOL = (
    "edgedet export --int8 as a library, bounds as they are by default; points of AP on the "
    "validation images, as calibrated and as handed out"
)


class Case(NamedTuple):
    """One way to go wrong."""

    name: str
    model: Path
    data: Path
    method: str
    images: int


def cases_of(model: Path, data: Path, folder: Path, images: int) -> list[Case]:
    """Return all of them; what they need is written into `folder`."""
    outlier, black = folder / "outlier.onnx", folder / "black"
    save_onnx(with_outlier(load_onnx(model), FACTOR), outlier)
    write_black(data, black)
    return [
        Case(f"a channel scaled by {FACTOR:g}", outlier, data, "auto", images),
        Case("two black images", model, black, "entropy", images),
        Case("two black images", model, black, "auto", images),
        Case("two images only", model, data, "minmax", 2),
    ]


def write_black(data: Path, folder: Path) -> None:
    """Write a COCO data set that differs in what there is to calibrate on: two black images."""
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    for image in (data / "images").iterdir():
        (folder / "images" / image.name).symlink_to(image.resolve())
    (folder / "annotations" / VAL).write_bytes((data / "annotations" / VAL).read_bytes())
    content = json.loads((data / "annotations" / VAL).read_bytes())
    height, width = SIZE_HW
    names = ["black1.png", "black2.png"]
    for name in names:
        cv2.imwrite(str(folder / "images" / name), np.zeros((*SIZE_HW, 3), np.uint8))
    size = {"width": width, "height": height}
    images = [{"id": i, "file_name": name, **size} for i, name in enumerate(names)]
    train = {"categories": content["categories"], "images": images, "annotations": []}
    (folder / "annotations" / "train.json").write_text(json.dumps(train))


def rows_of(case: Case, out: Path) -> list[dict[str, Any]]:
    """Export it, and return what became of each form."""
    request = Int8Request(case.model, str(case.data), out, method=case.method, images=case.images)
    try:
        report = export_int8(request).to_json()
    except ModelError as error:
        if not error.facts:
            raise
        report = error.facts
    return [row_of(case, report, form) for form in report["forms"]]


def points_lost_of(fp32: float, measured: Mapping[str, Any]) -> float:
    """Return by how many points its AP is below that of FP32."""
    return without_minus_zero(points_lost(fp32, measured["accuracy"]["ap"]))


def row_of(case: Case, report: Mapping[str, Any], form: Mapping[str, Any]) -> dict[str, Any]:
    """Return what one form lost: by each method as calibrated, and in the end."""
    fp32 = report["fp32"]["ap"]
    lost = [
        points_lost_of(fp32, trial) for trial in report["trials"] if trial["form"] == form["form"]
    ]
    return {
        "case": case.name,
        "method": case.method,
        "form": form["form"],
        "lost as calibrated": " ".join(map(str, lost)),
        "ended": "passed" if form["passed"] else "refused",
        "in float": f"{len(form['float_layers'])} of {form['layers']}",
        "lost in the end": points_lost_of(fp32, form),
    }


def main() -> None:
    """Go through all cases, and publish."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path, help="a folder of COCO: annotations/ and images/")
    parser.add_argument("--images", type=int, default=128, help="to calibrate on")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    rows = []
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        cases = cases_of(arguments.model, arguments.data, folder, arguments.images)
        for number, case in enumerate(cases):
            (out := folder / str(number)).mkdir()
            rows += rows_of(case, out)
    settings = {"model": arguments.model.name, "images": arguments.images}
    environment = describe_environment()
    publish(Results("int8_bad_cases", settings, environment, rows, [], {}, PROTOCOL), arguments.out)


if __name__ == "__main__":
    main()
