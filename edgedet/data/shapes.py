"""The shapes data set: circles, squares and triangles that overlap, on white (A1 of
shapes_keypoints.md). It needs no download.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from edgedet.data.shapes_options import PREFIX, ShapesOptions, is_shapes, parse_shapes
from edgedet.runtime.boxes import iou_matrix
from edgedet.runtime.errors import UsageError
from edgedet.runtime.lazy import require

CLASS_NAMES = ("circle", "square", "triangle")
SIDE = 224
SIDE_RANGES = np.array([(16, 32), (48, 96), (96, 192)])
"""[class, (least, most)] side in pixels, both included."""
COLOURS_RGB = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255)])
OBJECTS = (2, 5)
"""Least and most objects in an image."""
OUTLINE = 2
WHITE = 255
MAX_IOU = 0.3
TRIES = 50
LEAST_VISIBLE = 0.25
"""Share of an object's pixels that has to show where hidden ones are dropped."""
Ints = npt.NDArray[np.int64]


class Shape(NamedTuple):
    """One object."""

    label: int
    box_xyxy: tuple[int, int, int, int]
    colour_rgb: tuple[int, int, int]
    forced: bool
    """No place with an IoU of at most `MAX_IOU` was found: it overlaps an earlier one."""


class ShapesReport(NamedTuple):
    """What was written."""

    folder: Path
    objects: dict[str, int]
    """Split to number of objects."""
    forced: dict[str, int]
    """Split to number of objects that overlap an earlier one by more than `MAX_IOU`."""


def resolve_data(data: str | Path, out_dir: Path) -> Path:
    """Return the path to open: `data`, or the shapes written to `out_dir/shapes` for "shapes".

    Shapes that lie there already with the same options are used again. `UsageError` for an
    unknown option, for another content there, and when nothing can be written.
    """
    if not isinstance(data, str) or not is_shapes(data):
        return Path(data)
    folder, options = Path(out_dir) / PREFIX, parse_shapes(data)
    if _written_options(folder) != asdict(options):
        _write_unless_another_did(folder, options)
    return folder


def _write_unless_another_did(folder: Path, options: ShapesOptions) -> None:
    # The processes of one training may all come here; the first to finish wins.
    try:
        write_shapes(folder, options)
    except UsageError:
        if _written_options(folder) != asdict(options):
            raise


def write_shapes(folder: Path, options: ShapesOptions) -> ShapesReport:
    """Write a COCO folder: `images/%06d.png`, `annotations/train.json` and `val.json`.

    The folder appears when it is complete. `UsageError` when something is there or it cannot be
    written.
    """
    folder = Path(folder).resolve()
    if folder.exists():
        raise UsageError(f"no {folder} yet", "one with other content", "remove or rename it")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as home:
            report = _write(Path(home) / folder.name, options)
            (Path(home) / folder.name).rename(folder)
    except OSError as error:
        found = f"{folder.parent} ({error.strerror})"
        raise UsageError("a folder that can be written", found, "choose another output") from error
    return report._replace(folder=folder)


def _written_options(folder: Path) -> dict[str, Any] | None:
    try:
        info = json.loads((folder / "annotations" / "val.json").read_bytes())["info"]
        return dict(info["options"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(folder: Path, options: ShapesOptions) -> ShapesReport:
    report = ShapesReport(folder, {}, {})
    for name in ("images", "annotations"):
        (folder / name).mkdir(parents=True)
    parts = {"train": (0, options.train), "val": (options.train, options.val)}
    for stream, (split, (first, length)) in enumerate(parts.items()):
        # One stream of numbers for each split: the length of train does not change val.
        rng = np.random.RandomState([options.seed, stream])
        scenes = [draw_scene(rng, options) for _ in range(length)]
        for place, scene in enumerate(scenes, start=first):
            paint(scene).save(folder / "images" / f"{place:06d}.png")
        document = _coco(scenes, first, options)
        (folder / "annotations" / f"{split}.json").write_text(json.dumps(document))
        report.objects[split] = len(document["annotations"])
        report.forced[split] = sum(shape.forced for scene in scenes for shape in scene)
    return report


def draw_scene(rng: np.random.RandomState, options: ShapesOptions) -> list[Shape]:
    """Draw classes, sizes, colours and places of one image's objects."""
    count = rng.randint(OBJECTS[0], OBJECTS[1] + 1)
    labels = rng.randint(0, len(CLASS_NAMES), count)
    ranges = labels if options.size_class == "tied" else rng.randint(0, len(SIDE_RANGES), count)
    halves = rng.randint(SIDE_RANGES[ranges, 0], SIDE_RANGES[ranges, 1] + 1) // 2
    colours = COLOURS_RGB[labels]
    if options.palette == "random":
        colours = rng.randint(0, 256, (count, 3))
    scene: list[Shape] = []
    for label, half, colour in zip(labels, halves, colours, strict=True):
        box, forced = _placed(rng, int(half), [shape.box_xyxy for shape in scene])
        scene.append(Shape(int(label), _four(box), _three(colour), forced))
    return scene if options.hidden == "kept" else _visible(scene)


def _visible(scene: Sequence[Shape]) -> list[Shape]:
    """Return the objects that show, in their order; the last one lies on top and always does."""
    covered = np.zeros((SIDE, SIDE), bool)
    kept: list[Shape] = []
    for shape in reversed(scene):
        own = np.asarray(paint([shape]).convert("L")) < WHITE
        if (own & ~covered).sum() >= LEAST_VISIBLE * own.sum():
            kept.insert(0, shape)
            covered |= own
    return kept


def _placed(
    rng: np.random.RandomState, half: int, earlier: Sequence[tuple[int, ...]]
) -> tuple[Ints, bool]:
    centres = rng.randint(half, SIDE - half + 1, (TRIES, 2))
    boxes = np.concatenate([centres - half, centres + half], axis=1)
    taken = np.array(earlier, np.float64).reshape(-1, 4)
    free = (iou_matrix(boxes.astype(np.float64), taken) <= MAX_IOU).all(axis=1)
    return (boxes[free.argmax()], False) if free.any() else (boxes[-1], True)


def _four(box: Ints) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = map(int, box)
    return x1, y1, x2, y2


def _three(colour: Ints) -> tuple[int, int, int]:
    red, green, blue = map(int, colour)
    return red, green, blue


def paint(scene: Sequence[Shape]) -> Any:
    """Return a PIL image [224, 224] RGB; later objects cover earlier ones."""
    hint = "pip install 'edgedet[train]'"
    image = require("PIL.Image", hint).new("RGB", (SIDE, SIDE), "white")
    pen = require("PIL.ImageDraw", hint).Draw(image)
    for shape in scene:
        style = {"fill": shape.colour_rgb, "outline": (0, 0, 0), "width": OUTLINE}
        x1, y1, x2, y2 = shape.box_xyxy
        if shape.label == 0:
            pen.ellipse((x1, y1, x2, y2), **style)
        elif shape.label == 1:
            pen.rectangle((x1, y1, x2, y2), **style)
        else:
            pen.polygon([((x1 + x2) // 2, y1), (x1, y2), (x2, y2)], **style)
    return image


def _coco(scenes: Sequence[Sequence[Shape]], first: int, options: ShapesOptions) -> dict[str, Any]:
    images = range(first, first + len(scenes))
    return {
        "info": {"description": "edgedet shapes", "options": asdict(options)},
        "images": [
            {"id": image, "file_name": f"{image:06d}.png", "width": SIDE, "height": SIDE}
            for image in images
        ],
        "annotations": list(_annotations(scenes, first)),
        "categories": [{"id": label, "name": name} for label, name in enumerate(CLASS_NAMES)],
    }


def _annotations(scenes: Sequence[Sequence[Shape]], first: int) -> Iterator[dict[str, Any]]:
    shapes = [(image, shape) for image, scene in enumerate(scenes, first) for shape in scene]
    # From 1: pycocotools takes a ground truth with id 0 for "no match".
    for number, (image, shape) in enumerate(shapes, start=1):
        x1, y1, x2, y2 = shape.box_xyxy
        width, height = x2 - x1, y2 - y1
        yield {
            "id": number,
            "image_id": image,
            "category_id": shape.label,
            "bbox": [x1, y1, width, height],
            "area": width * height,
            "iscrowd": 0,
        }
