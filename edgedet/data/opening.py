"""Open labelled images of any known format: the format is recognised from the path."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from edgedet.data import coco, visdrone, voc, yolo
from edgedet.data.annotations import Annotations, check_class_names
from edgedet.data.choice import check_choice
from edgedet.data.coco_json import load_coco_json
from edgedet.runtime.errors import DataError, UsageError

SPLITS = ("train", "val", "test")
SPELLINGS = {name: name for name in SPLITS} | {
    "training": "train",
    "valid": "val",
    "validation": "val",
    "testing": "test",
}
"""Words in the name of a label file to the split that they mean."""


class Request(NamedTuple):
    """What the user asks for."""

    split: str
    bbox_mode: str


class Layout(NamedTuple):
    """One way in which a data set can lie in a folder."""

    patterns: Callable[[str], list[str]]
    """Split to the places, relative to the folder, one of which must exist."""
    accepts: Callable[[Path], bool]
    """Whether an existing place is one of this layout."""
    read: Callable[[Path, Request], Annotations]
    """A place to its annotations."""


def open_annotations(
    data: str | Path, split: str = "train", bbox_mode: str = "xywh"
) -> Annotations:
    """Read one split ("train", "val" or "test") of a data set.

    data: a COCO JSON file, a YOLO YAML file, or a folder that holds COCO, YOLO, VOC or VisDrone
    files as `LAYOUTS` says. bbox_mode: "xyxy" for COCO-like files whose `bbox` holds corners.
    `DataError` when nothing is recognised, a split has no image, or a label is wrong.
    """
    request = Request(
        check_choice("a split", split, SPLITS),
        check_choice("bbox_mode", bbox_mode, coco.BBOX_MODES),
    )
    # Not resolve(): a linked label file keeps the images beside the link.
    path = Path(os.path.abspath(data))  # noqa: PTH100
    annotations = _read_file(path, request) if path.is_file() else _read_folder(path, request)
    if bbox_mode != "xywh" and annotations.format != "coco":
        found = f"{annotations.format} data in {path}"
        raise UsageError("COCO data with bbox_mode=xyxy", found, "leave bbox_mode out")
    if not annotations.images:
        found = f"none for {split} in {annotations.source}"
        raise DataError("images", found, "add images or name another split")
    return annotations


def open_train_val(data: str | Path, bbox_mode: str = "xywh") -> tuple[Annotations, Annotations]:
    """Read train and val; `DataError` when classes differ or both are the same images."""
    train = open_annotations(data, "train", bbox_mode)
    val = open_annotations(data, "val", bbox_mode)
    check_class_names(val, train.class_names, str(train.source))
    if train.fingerprint() == val.fingerprint():
        raise DataError(
            "different images for train and val",
            f"the same in {train.source}",
            "name a folder with both splits, such as annotations/train.json and val.json",
        )
    return train, val


def _read_coco(path: Path, request: Request) -> Annotations:
    return coco.read_coco(path, request.bbox_mode)


def _read_coco_file(path: Path, request: Request) -> Annotations:
    _check_not_other_split(path, request.split)
    return _read_coco(path, request)


def _read_coco_of_folder(path: Path, request: Request) -> Annotations:
    annotations = _read_coco(path, request)
    home = path.parent.parent
    for split in SPLITS:
        for other in _places(home, coco.patterns(split)):
            names = coco.class_names(load_coco_json(other).categories) if other != path else None
            if names is not None:
                check_class_names(annotations, names, str(other))
    return annotations


def _read_yolo(path: Path, request: Request) -> Annotations:
    return yolo.read_yolo(path, request.split)


def _read_voc(path: Path, _request: Request) -> Annotations:
    return voc.read_voc(path)


def _read_visdrone(path: Path, request: Request) -> Annotations:
    _check_not_other_split(path.parent, request.split)
    return visdrone.read_visdrone(path)


LAYOUTS = (
    Layout(coco.patterns, Path.is_file, _read_coco_of_folder),
    Layout(yolo.patterns, Path.is_file, _read_yolo),
    Layout(voc.patterns, Path.is_file, _read_voc),
    Layout(visdrone.patterns, visdrone.is_label_folder, _read_visdrone),
)
FILE_READERS = {".json": _read_coco_file, ".yaml": _read_yolo, ".yml": _read_yolo}


def _read_file(path: Path, request: Request) -> Annotations:
    read = FILE_READERS.get(path.suffix.lower())
    if read is None:
        known = " or ".join(FILE_READERS)
        raise DataError(f"a folder or a {known} file", str(path), "name the data set's folder")
    return read(path, request)


def _read_folder(path: Path, request: Request) -> Annotations:
    if not path.is_dir():
        raise DataError("a data set", f"nothing at {path}", "check the path")
    for layout in LAYOUTS:
        places = _places(path, layout.patterns(request.split))
        accepted = [place for place in places if layout.accepts(place)]
        if len(accepted) > 1:
            found = " and ".join(map(str, accepted))
            raise DataError(f"one {request.split} split in {path}", found, "name one of these")
        if accepted:
            return layout.read(accepted[0], request)
    raise _unrecognised(path, request.split)


def _places(folder: Path, patterns: list[str]) -> list[Path]:
    """Return what matches the first pattern that anything matches."""
    matches = (sorted(folder.glob(pattern)) for pattern in patterns)
    return next((found for found in matches if found), [])


def _unrecognised(path: Path, split: str) -> DataError:
    tried = [str(path / pattern) for layout in LAYOUTS for pattern in layout.patterns(split)]
    return DataError(
        f"the {split} split of a COCO, YOLO, VOC or VisDrone data set",
        f"none of {', '.join(tried)}",
        "name the folder that holds one of these, or the JSON or YAML file itself",
    )


def _check_not_other_split(path: Path, split: str) -> None:
    # train.json asked for val: neither silently train (a leak) nor silently another file.
    words = re.findall(r"[a-z]+", path.stem.lower())
    named = [SPELLINGS[word] for word in words if word in SPELLINGS]
    if named and split not in named:
        fix = "name the folder that holds all splits, or ask for that split"
        raise DataError(f"the {split} split", f"{path}, which is {named[0]}", fix)
