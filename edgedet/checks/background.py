"""Findings about images without objects, and labels without an image."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from edgedet.checks.parts import Part
from edgedet.checks.report import Finding, Kind, Place, counted
from edgedet.data.yolo import label_path
from edgedet.runtime.images import SUFFIXES

BACKGROUND = Kind("background-image", "note", "make sure that nothing was forgotten there")
ORPHAN = Kind("label-without-image", "warning", "restore the image or delete the label file")
NO_LABELS = ("classes.txt",)
"""Text files that labelling tools put among the labels."""


def background(parts: Sequence[Part]) -> list[Finding]:
    """Return the images that no label file states an object for."""
    places = [
        Place(str(image.path), part.split)
        for part in parts
        for image in part.stated.images
        if not len(image.objects.labels)
    ]
    return BACKGROUND.found(f"{counted(len(places), 'image')} without objects", places)


def labels_without_image(parts: Sequence[Part]) -> list[Finding]:
    """Return the YOLO and VisDrone label files that have no image of their name.

    There the images are what is listed; in the other formats a missing image is an error.
    """
    folders = {pair: None for part in parts for pair in _folders(part)}
    places = [Place(str(path), "") for pair in folders for path in _orphans(*pair)]
    return ORPHAN.found(f"{counted(len(places), 'label file')} without an image", places)


def _folders(part: Part) -> Iterator[tuple[Path, Path]]:
    if part.stated.format == "visdrone":
        yield part.stated.source, part.stated.source.parent / "images"
    if part.stated.format == "yolo":
        for image in part.stated.images:
            folder = label_path(image.path).parent
            # Beside the images a text file can be anything.
            if folder != image.path.parent:
                yield folder, image.path.parent


def _orphans(labels: Path, images: Path) -> list[Path]:
    stems = {path.stem for path in images.iterdir() if path.suffix.lower() in SUFFIXES}
    found = sorted(labels.glob("*.txt"))
    return [path for path in found if path.stem not in stems and path.name not in NO_LABELS]
