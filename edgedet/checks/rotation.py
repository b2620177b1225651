"""The finding about images that their EXIF orientation turns."""

from collections import Counter
from collections.abc import Sequence

from edgedet.checks.parts import Part
from edgedet.checks.report import Finding, Kind, Place, counted
from edgedet.data.labelling import StatedImage

ROTATED = Kind(
    "exif-rotation",
    "note",
    "look at a few with their boxes; write the pixels upright when these do not fit",
)


def rotated(parts: Sequence[Part]) -> list[Finding]:
    """Return the images with an EXIF orientation other than 1, and what their labels fit."""
    images = [
        image for part in parts for image in part.stated.images if image.header.orientation != 1
    ]
    frames = Counter(map(_frame, images))
    told = ", ".join(f"{number} {frame}" for frame, number in frames.most_common())
    number = counted(len(images), "image")
    what = f"{number} turned by EXIF orientation; by their size, labels of {told}"
    places = [Place(str(image.path), f"orientation {image.header.orientation}") for image in images]
    return ROTATED.found(what, places)


def _frame(image: StatedImage) -> str:
    upright, stored = image.header.upright_hw, image.header.stored_hw
    if image.stated_hw is None:
        return "say no frame (taken as upright)"
    if upright == stored == image.stated_hw:
        return "fit both frames (taken as upright)"
    names = {upright: "fit the upright frame", stored: "fit the stored frame (turned with it)"}
    return names.get(image.stated_hw, "fit neither frame")
