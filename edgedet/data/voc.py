"""Pascal VOC: one XML file an image (http://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc)."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from edgedet.data.faults import Complain, FaultError, Where, noting, refuse
from edgedet.data.image_finder import ImageFinder
from edgedet.data.image_header import read_header
from edgedet.data.labelling import StatedAnnotations, StatedImage, stated_objects
from edgedet.data.text_lines import read_lines
from edgedet.runtime.images import SUFFIXES

CORNERS = ("xmin", "ymin", "xmax", "ymax")
FIX = "correct that file"


class _Object(NamedTuple):
    name: str
    place: str
    box_xyxy: tuple[float, ...]
    difficult: bool


class _Page(NamedTuple):
    # One XML file.
    path: Path
    file_name: str
    size_hw: tuple[int, int] | None
    objects: tuple[_Object, ...]


def patterns(split: str) -> list[str]:
    """Return where a split's list of images may lie in a data set's folder."""
    return [f"{home}ImageSets/Main/{split}.txt" for home in ("", "VOC*/", "VOCdevkit/VOC*/")]


def read_voc(split_file: Path, complain: Complain = refuse) -> StatedAnnotations:
    """Read the split listed in `<home>/ImageSets/Main/<split>.txt`.

    Classes are the names found in any split, sorted, so that all splits agree. `difficult`
    objects are ignored ones. Corners are pixel numbers counted from 1 and inclusive (devkit
    5.2), so pixels xmin..xmax are the interval [xmin - 1, xmax]; files counted from 0, which some
    tools write, are read at most one pixel off. `complain` is told of each image, file and object
    that cannot be read, those in files of other splits included.
    """
    home = split_file.parents[2]
    finder = ImageFinder([home / "JPEGImages", home / "images"], split_file)
    pages = {stem: _page(home, stem, complain) for stem in _stems_of_all_splits(split_file)}
    names = sorted({item.name for page in pages.values() for item in page.objects})
    labels = {name: label for label, name in enumerate(names)}
    images = []
    for stem in read_lines(split_file):
        with noting(complain):
            images.append(_stated(stem, pages[stem], finder, labels))
    return StatedAnnotations(tuple(names), tuple(images), split_file, "voc")


def _stems_of_all_splits(split_file: Path) -> list[str]:
    # Other files of the folder, such as VOC's own aeroplane_train.txt, list one class each.
    files = [
        split_file,
        *(split_file.with_name(f"{name}.txt") for name in ("train", "val", "test")),
    ]
    stems = [stem for file in files if file.is_file() for stem in read_lines(file)]
    return list(dict.fromkeys(stems))


def _stated(stem: str, page: _Page, finder: ImageFinder, labels: dict[str, int]) -> StatedImage:
    names = [stem + suffix for suffix in SUFFIXES]
    upper = [stem + suffix.upper() for suffix in SUFFIXES]
    image = finder.find([page.file_name, *names, *upper])
    rows = [(item.box_xyxy, labels[item.name], item.difficult, item.place) for item in page.objects]
    return StatedImage(image, read_header(image), page.size_hw, stated_objects(rows, page.path))


def _page(home: Path, stem: str, complain: Complain) -> _Page:
    path = home / "Annotations" / f"{stem}.xml"
    page = _Page(path, stem, None, ())
    if path.is_file() and path.stat().st_size > 0:
        with noting(complain):
            page = _read_page(path, stem, complain)
    return page


def _read_page(path: Path, stem: str, complain: Complain) -> _Page:
    root = _parse(path)
    file_name = Path(root.findtext("filename", stem).strip()).name or stem
    objects = tuple(_objects(root, path, complain))
    return _Page(path, file_name, _size(root, path), objects)


class _NoDoctype(ElementTree.TreeBuilder):
    # A label file comes from anywhere. Entities, which can grow without bound or read other
    # files, can only be declared in a document type, and VOC has none.
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ValueError(f"a document type {name}, which VOC files do not have")


def _parse(path: Path) -> ElementTree.Element:
    parser = ElementTree.XMLParser(target=_NoDoctype())
    try:
        return ElementTree.parse(path, parser).getroot()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        where = Where("unreadable-labels", path)
        raise FaultError(where, f"VOC XML in {path}", str(error), FIX) from None


def _size(root: ElementTree.Element, path: Path) -> tuple[int, int] | None:
    # Some tools leave the size out or write zeros: the image's header is the truth anyway.
    size = root.find("size")
    if size is None:
        return None
    where = Where("wrong-record", path, "size")
    height, width = (int(_number(size, name, where)) for name in ("height", "width"))
    return (height, width) if height > 0 and width > 0 else None


def _objects(root: ElementTree.Element, path: Path, complain: Complain) -> Iterator[_Object]:
    for place, element in enumerate(root.iter("object"), start=1):
        with noting(complain):
            yield _object(element, Where("wrong-record", path, f"object {place}"))


def _object(element: ElementTree.Element, where: Where) -> _Object:
    name = element.findtext("name", "").strip()
    corners = element.find("bndbox")
    if not name or corners is None:
        found = f"{name or 'no name'}, {'no bndbox' if corners is None else 'bndbox'}"
        raise FaultError(where, f"object with name and bndbox in {where.file}", found, FIX)
    x1, y1, x2, y2 = (_number(corners, corner, where) for corner in CORNERS)
    difficult = element.findtext("difficult", "0").strip() not in ("", "0")
    return _Object(name, where.place, (x1 - 1, y1 - 1, x2, y2), difficult)


def _number(element: ElementTree.Element, name: str, where: Where) -> float:
    text = element.findtext(name, "").strip()
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FaultError(where, f"a number in <{name}> of {where.file}", repr(text), FIX)
    return value
