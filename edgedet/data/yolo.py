"""YOLO text labels and the YAML file that lists images and class names."""

from pathlib import Path
from typing import Any

import numpy as np

from edgedet.data.faults import Complain, noting, refuse
from edgedet.data.image_header import read_header
from edgedet.data.labelling import StatedAnnotations, StatedImage, StatedObjects, stated_objects
from edgedet.data.text_lines import Line, numbered_lines, numbers, read_lines
from edgedet.runtime.errors import DataError
from edgedet.runtime.images import SUFFIXES
from edgedet.runtime.lazy import require

ROW = "5 numbers (class, centre x, centre y, width, height, the last four between 0 and 1)"
ROUNDING = 1e-3
"""By how much a normalised coordinate may leave [0, 1]: files are written with few digits."""
Row = tuple[tuple[float, ...], int, bool, str]
"""(x1, y1, width, height as shares of the image; class; ignored; name of the line)."""


def patterns(_split: str) -> list[str]:
    """Return where the YAML file may lie in a data set's folder; it names all splits."""
    return ["data.yaml", "data.yml"]


def read_yolo(path: Path, split: str, complain: Complain = refuse) -> StatedAnnotations:
    """Read the `split` of a YAML file with `path`, `train`, `val`, `test` and `names`.

    Paths are relative to the YAML file (`path` first, when given) and nothing else. A split is a
    folder of images, a text file that lists images relative to itself, or a list of these. The
    labels of `images/a/b.jpg` are `labels/a/b.txt`; a missing or empty file is background.
    `complain` is told of each image and each line that cannot be used, `DataError` raised for
    what is wrong in the YAML file.
    """
    document = _document(path)
    names = _class_names(document, path)
    root = path.parent / str(document.get("path") or "")
    images = []
    for entry in _entries(document, split, path):
        for image in _images(root, entry, path):
            with noting(complain):
                images.append(_stated(image, len(names), complain))
    return StatedAnnotations(names, tuple(images), path, "yolo")


def names_split(path: Path, split: str) -> bool:
    """Return whether a YAML file has anything to say about `split`."""
    return bool(_document(path).get(split))


def _document(path: Path) -> dict[str, Any]:
    yaml = require("yaml", "pip install 'edgedet[train]'")
    try:
        document = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        found = " ".join(str(error).split())
        raise DataError(f"YAML in {path}", found, "correct that file") from None
    if not isinstance(document, dict):
        raise _wrong(path, "keys train, val and names", type(document).__name__)
    return document


def _wrong(path: Path, expected: str, found: str) -> DataError:
    return DataError(f"{expected} in {path}", found, "correct that file")


def _class_names(document: dict[str, Any], path: Path) -> tuple[str, ...]:
    names = document.get("names")
    if isinstance(names, dict) and sorted(names, key=str) == sorted(range(len(names)), key=str):
        names = [names[label] for label in range(len(names))]
    if not isinstance(names, list) or not names:
        raise _wrong(path, "names as a list or as a map from 0, 1, ...", repr(names))
    classes = document.get("nc", len(names))
    if classes != len(names):
        raise _wrong(path, f"nc to be the number of names, {len(names)}", repr(classes))
    texts = tuple(map(str, names))
    if not all(texts) or len(set(texts)) < len(texts):
        raise _wrong(path, "names that differ and are not empty", repr(names))
    return texts


def _entries(document: dict[str, Any], split: str, path: Path) -> list[str]:
    value = document.get(split)
    listed = value if isinstance(value, list) else [value]
    entries = [entry for entry in listed if isinstance(entry, str) and entry]
    if not entries or len(entries) < len(listed):
        raise _wrong(path, f"{split} as a folder, a text file or a list of these", repr(value))
    return entries


def _images(root: Path, entry: str, path: Path) -> list[Path]:
    place = root / entry
    if place.is_dir():
        found = place.rglob("*")
        return sorted(image for image in found if image.suffix.lower() in SUFFIXES)
    if place.is_file() and place.suffix == ".txt":
        return [place.parent / line for line in read_lines(place)]
    raise DataError(
        f"a folder of images or a .txt list at {place}, where {path} sends",
        "neither",
        _advice(root, entry),
    )


def _advice(root: Path, entry: str) -> str:
    # Roboflow writes ../train/images into a YAML file that lies beside train/.
    shorter = entry.removeprefix("../")
    if shorter != entry and (root / shorter).exists():
        return f"write {shorter} instead of {entry}"
    return "write it relative to the YAML file"


def _stated(image: Path, classes: int, complain: Complain) -> StatedImage:
    path = label_path(image)
    rows = []
    with noting(complain):
        for line in numbered_lines(path) if path.is_file() else []:
            with noting(complain):
                rows.append(_row(line, classes))
    header = read_header(image)
    return StatedImage(image, header, None, _in_pixels(rows, header.upright_hw, path))


def _in_pixels(rows: list[Row], size_hw: tuple[int, int], path: Path) -> StatedObjects:
    objects = stated_objects(rows, path)
    height, width = size_hw
    corners, sizes = np.split(objects.boxes_xyxy * (width, height, width, height), 2, axis=1)
    return objects._replace(boxes_xyxy=np.concatenate([corners, corners + sizes], axis=1))


def label_path(image: Path) -> Path:
    """Return the label file of an image: the last folder `images` becomes `labels`."""
    parts = list(image.parts)
    places = [place for place, part in enumerate(parts[:-1]) if part == "images"]
    if places:
        parts[places[-1]] = "labels"
    return Path(*parts).with_suffix(".txt")


def _row(line: Line, classes: int) -> Row:
    values = numbers(line.text.split(), line, ROW)
    if len(values) != 5 or not all(-ROUNDING <= value <= 1 + ROUNDING for value in values[1:]):
        raise line.fault("wrong-record", ROW, f"{len(values)} numbers: {line.text[:80]!r}")
    label, x, y, width, height = values
    if not (label.is_integer() and 0 <= label < classes):
        raise line.fault("unknown-class", f"a class from 0 to {classes - 1}", f"{label:g}")
    return (x - width / 2, y - height / 2, width, height), int(label), False, line.name
