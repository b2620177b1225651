"""Open labelled images of any known format: the format is recognised from the path."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from edgedet.data import coco, visdrone, voc, yolo
from edgedet.data.annotations import Annotations, check_class_names
from edgedet.data.coco_json import Load, coco_loader
from edgedet.data.faults import Complain, refuse
from edgedet.data.labelling import StatedAnnotations, labelled_annotations
from edgedet.nearest import check_name
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
    """What is asked for, and what happens when it is not as it should be."""

    split: str
    bbox_mode: str
    complain: Complain
    load: Load
    """Reads COCO JSON; shared by all that open the same data set."""


class Layout(NamedTuple):
    """One way in which a data set can lie in a folder."""

    patterns: Callable[[str], list[str]]
    """Split to the places, relative to the folder, one of which must exist."""
    accepts: Callable[[Path], bool]
    """Whether an existing place is one of this layout."""
    holds: Callable[[Path, str], bool]
    """Whether an accepted place has anything to say about a split."""
    read: Callable[[Path, Request], StatedAnnotations]
    """A place to what it states."""


def open_annotations(
    data: str | Path, split: str = "train", bbox_mode: str = "xywh"
) -> Annotations:
    """Read one split ("train", "val" or "test") of a data set.

    data: a COCO JSON file, a YOLO YAML file, or a folder that holds COCO, YOLO, VOC or VisDrone
    files as `LAYOUTS` says. bbox_mode: "xyxy" for COCO-like files whose `bbox` holds corners.
    `DataError` when nothing is recognised, a split has no image, or a label is wrong.
    """
    return _open(data, Request(split, bbox_mode, refuse, coco_loader()))


def open_train_val(data: str | Path, bbox_mode: str = "xywh") -> tuple[Annotations, Annotations]:
    """Read train and val; `DataError` when classes differ or both are the same images."""
    request = Request("train", bbox_mode, refuse, coco_loader())
    train, val = (_open(data, request._replace(split=split)) for split in ("train", "val"))
    check_class_names(val, train.class_names, str(train.source))
    if train.fingerprint() == val.fingerprint():
        raise DataError(
            "different images for train and val",
            f"the same in {train.source}",
            "name a folder with both splits, such as annotations/train.json and val.json",
        )
    return train, val


def open_stated(
    data: str | Path, split: str, bbox_mode: str = "xywh", complain: Complain = refuse
) -> StatedAnnotations:
    """Read one split as its label files state it, boxes unchecked; arguments as above.

    `complain` is told of every image and label that cannot be used, and decides whether to read
    on without. `DataError` for what leaves nothing to read.
    """
    return _state(_absolute(data), Request(split, bbox_mode, complain, coco_loader(complain)))


def splits_of(data: str | Path) -> tuple[str, ...]:
    """Return which of `SPLITS` a data set has; a file that names none counts as train.

    `DataError` when no data set is recognised, or two files could be one split.
    """
    path = _absolute(data)
    found = tuple(split for split in SPLITS if _has(path, split))
    if not found:
        raise _unrecognised(path, SPLITS[0])
    return found


def _has(path: Path, split: str) -> bool:
    located = _located(path, split)
    return located is not None and located[0].holds(located[1], split)


def _absolute(data: str | Path) -> Path:
    # Not resolve(): a linked label file keeps the images beside the link.
    return Path(os.path.abspath(data))  # noqa: PTH100


def _open(data: str | Path, request: Request) -> Annotations:
    path = _absolute(data)
    stated = _state(path, request)
    annotations = labelled_annotations(stated)
    if path.is_dir() and stated.format == "coco":
        _check_other_splits(annotations, request.load)
    return annotations


def _state(path: Path, request: Request) -> StatedAnnotations:
    check_name("split", request.split, SPLITS)
    check_name("bbox_mode", request.bbox_mode, coco.BBOX_MODES)
    located = _located(path, request.split)
    if located is None:
        raise _unrecognised(path, request.split)
    layout, place = located
    stated = layout.read(place, request)
    if request.bbox_mode != "xywh" and stated.format != "coco":
        found = f"{stated.format} data in {path}"
        raise UsageError("COCO data with bbox_mode=xyxy", found, "leave bbox_mode out")
    if not stated.images:
        found = f"none for {request.split} in {stated.source}"
        raise DataError("images", found, "add images or name another split")
    return stated


def _check_other_splits(annotations: Annotations, load: Load) -> None:
    home = annotations.source.parent.parent
    for split in SPLITS:
        for other in _places(home, coco.patterns(split)):
            names = coco.class_names(load(other).categories)
            check_class_names(annotations, names, str(other))


def _read_coco(path: Path, request: Request) -> StatedAnnotations:
    return coco.read_coco(path, request.bbox_mode, request.complain, request.load)


def _read_coco_file(path: Path, request: Request) -> StatedAnnotations:
    _check_not_other_split(path, request.split)
    return _read_coco(path, request)


def _read_yolo(path: Path, request: Request) -> StatedAnnotations:
    return yolo.read_yolo(path, request.split, request.complain)


def _read_voc(path: Path, request: Request) -> StatedAnnotations:
    return voc.read_voc(path, request.complain)


def _read_visdrone(path: Path, request: Request) -> StatedAnnotations:
    _check_not_other_split(path.parent, request.split)
    return visdrone.read_visdrone(path, request.complain)


def _always(_path: Path, _split: str) -> bool:
    return True


def _is_named(path: Path, split: str) -> bool:
    return split in (_named_splits(path) or SPLITS[:1])


def _home_is_named(path: Path, split: str) -> bool:
    return _is_named(path.parent, split)


YOLO = Layout(yolo.patterns, Path.is_file, yolo.names_split, _read_yolo)
LAYOUTS = (
    Layout(coco.patterns, Path.is_file, _always, _read_coco),
    YOLO,
    Layout(voc.patterns, Path.is_file, _always, _read_voc),
    Layout(visdrone.patterns, visdrone.is_label_folder, _home_is_named, _read_visdrone),
)
FILE_LAYOUTS = {
    ".json": Layout(coco.patterns, Path.is_file, _is_named, _read_coco_file),
    ".yaml": YOLO,
    ".yml": YOLO,
}


def _located(path: Path, split: str) -> tuple[Layout, Path] | None:
    """Return the layout of a data set and the place of a split, if there is such a place."""
    if path.is_file():
        return _layout_of_file(path), path
    if not path.is_dir():
        raise DataError("a data set", f"nothing at {path}", "check the path")
    for layout in LAYOUTS:
        places = _places(path, layout.patterns(split))
        accepted = [place for place in places if layout.accepts(place)]
        if len(accepted) > 1:
            found = " and ".join(map(str, accepted))
            raise DataError(f"one {split} split in {path}", found, "name one of these")
        if accepted:
            return layout, accepted[0]
    return None


def _layout_of_file(path: Path) -> Layout:
    layout = FILE_LAYOUTS.get(path.suffix.lower())
    if layout is None:
        known = " or ".join(FILE_LAYOUTS)
        raise DataError(f"a folder or a {known} file", str(path), "name the data set's folder")
    return layout


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


def _named_splits(path: Path) -> list[str]:
    words = re.findall(r"[a-z]+", path.stem.lower())
    return [SPELLINGS[word] for word in words if word in SPELLINGS]


def _check_not_other_split(path: Path, split: str) -> None:
    # train.json asked for val: neither silently train (a leak) nor silently another file.
    named = _named_splits(path)
    if named and split not in named:
        fix = "name the folder that holds all splits, or ask for that split"
        raise DataError(f"the {split} split", f"{path}, which is {named[0]}", fix)
