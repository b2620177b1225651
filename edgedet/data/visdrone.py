"""VisDrone-DET text labels (https://github.com/VisDrone/VisDrone2018-DET-toolkit)."""

from pathlib import Path

from edgedet.data.annotations import Annotations, LabelledImage
from edgedet.data.image_header import read_header
from edgedet.data.labelling import StatedObjects, labelled_image, stated_objects
from edgedet.data.text_lines import numbered_lines, numbers
from edgedet.runtime.errors import DataError
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


def read_visdrone(folder: Path) -> Annotations:
    """Read a label folder `annotations/*.txt`; the images lie in `../images`.

    A box of score 0 is an ignored object. An ignored region, which has no class, is listed once
    for each of the ten classes. `DataError` for a row without 8 numbers or another category.
    """
    home = folder.parent / "images"
    images = sorted(path for path in home.glob("*") if path.suffix.lower() in SUFFIXES)
    return Annotations(
        CLASS_NAMES, tuple(_labelled(path, folder) for path in images), folder, "visdrone"
    )


def _labelled(image: Path, folder: Path) -> LabelledImage:
    return labelled_image(image, read_header(image), _objects(folder / f"{image.stem}.txt"))


def _objects(path: Path) -> StatedObjects:
    lines = numbered_lines(path) if path.is_file() else []
    rows = [row for number, line in lines for row in _rows(line, number, path)]
    return stated_objects(rows, path)


def _rows(line: str, number: int, path: Path) -> list[Row]:
    # Some of the published files end each line with a comma.
    fields = line.rstrip(", ").split(",")
    values = numbers(fields, f"{path}:{number}", ROW)
    if len(values) != 8 or values[5] not in range(OTHERS + 1):
        expected = f"{ROW}, category 0 to {OTHERS}, at {path}:{number}"
        raise DataError(expected, repr(line[:80]), "correct that line")
    x, y, width, height, score, category = values[:6]
    box, name = (x, y, x + width, y + height), f"line {number}"
    if category in (0, OTHERS):
        return [(box, label, True, name) for label in range(len(CLASS_NAMES))]
    return [(box, int(category) - 1, score == 0, name)]
