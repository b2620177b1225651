"""VisDrone-DET text labels (https://github.com/VisDrone/VisDrone2018-DET-toolkit)."""

from pathlib import Path

from edgedet.data.faults import Complain, noting, refuse
from edgedet.data.image_header import read_header
from edgedet.data.labelling import StatedAnnotations, StatedImage, StatedObjects, stated_objects
from edgedet.data.text_lines import Line, numbered_lines, numbers
from edgedet.runtime.images import SUFFIXES

CLASS_NAMES = (
    "pedestrian",
    "people",
    "bicycle",
    "car",
    "van",
    "truck",
    "tricycle",
    "awning-tricycle",
    "bus",
    "motor",
)
"""Categories 1 to 10. Category 0 is an ignored region and 11 is "others", ignored as well."""
OTHERS = 11
ROW = "8 whole numbers (x, y, width, height, score, category, truncation, occlusion)"
Row = tuple[tuple[float, ...], int, bool, str]


def patterns(split: str) -> list[str]:
    """Return where a split's label files may lie in a data set's folder."""
    return [f"VisDrone*-DET-{split}*/annotations", f"{split}/annotations", "annotations"]


def is_label_folder(path: Path) -> bool:
    """Return whether `path` holds text files: COCO has its JSON in `annotations` too."""
    return next(path.glob("*.txt"), None) is not None


def read_visdrone(folder: Path, complain: Complain = refuse) -> StatedAnnotations:
    """Read a label folder `annotations/*.txt`; the images lie in `../images`.

    A box of score 0 is an ignored object. An ignored region, which has no class, is listed once
    for each of the ten classes. `complain` is told of each image that cannot be read and of each
    row without 8 numbers or of another category.
    """
    home = folder.parent / "images"
    images = []
    for path in sorted(path for path in home.glob("*") if path.suffix.lower() in SUFFIXES):
        objects = _objects(folder / f"{path.stem}.txt", complain)
        with noting(complain):
            images.append(StatedImage(path, read_header(path), None, objects))
    return StatedAnnotations(CLASS_NAMES, tuple(images), folder, "visdrone")


def _objects(path: Path, complain: Complain) -> StatedObjects:
    rows = []
    with noting(complain):
        for line in numbered_lines(path) if path.is_file() else []:
            with noting(complain):
                rows += _rows(line)
    return stated_objects(rows, path)


def _rows(line: Line) -> list[Row]:
    # Some of the published files end each line with a comma.
    values = numbers(line.text.rstrip(", ").split(","), line, ROW)
    if len(values) != 8 or values[5] not in range(OTHERS + 1):
        code = "wrong-record" if len(values) != 8 else "unknown-class"
        raise line.fault(code, f"{ROW}, category 0 to {OTHERS},", repr(line.text[:80]))
    x, y, width, height, score, category = values[:6]
    box = (x, y, x + width, y + height)
    if category in (0, OTHERS):
        return [(box, label, True, line.name) for label in range(len(CLASS_NAMES))]
    return [(box, int(category) - 1, score == 0, line.name)]
