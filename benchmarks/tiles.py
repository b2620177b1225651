"""What tiles bring: average precision and time of a detector, with and without them.

    python benchmarks/tiles.py model.onnx --data FOLDER --tiles 2x2 --overlap 0.2

Only classes count that both the model and the data know, by name; objects of others are ignored,
so that finding one is no false alarm. `--mosaic 2x2` puts images of the data together first: a
large frame, as of a camera that sees more, whose objects are as many pixels wide as before.
"""

import argparse
import dataclasses
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgedet.data.annotations import Annotations, LabelledImage
from edgedet.data.opening import open_annotations
from edgedet.evaluation.coco import evaluate
from edgedet.runtime import Detections, open_detector
from edgedet.runtime.camera.settings import grid_of
from edgedet.runtime.images import read_image
from edgedet.runtime.tiled_detector import TiledDetector
from edgedet.runtime.tiles import Tiling

Image = NDArray[np.uint8]
Labelled = tuple[Image, LabelledImage]


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--tiles", nargs="+", default=["2x2"])
    parser.add_argument("--overlap", type=float, default=0.2)
    parser.add_argument("--mosaic", default="1x1")
    parser.add_argument("--limit", type=int, help="frames; default: all")
    parser.add_argument("--conf", type=float, default=0.05)
    arguments = parser.parse_args()
    annotations = open_annotations(arguments.data, arguments.split)
    images = mosaics(annotations.images, grid_of(arguments.mosaic))
    frames = list(islice(images, arguments.limit))
    print("| looked at | AP | AP50 | APs (under 32 px) | detections a frame | ms a frame |")
    print("|---|---|---|---|---|---|")
    print(row("the frame", arguments, annotations, frames, None))
    for text in arguments.tiles:
        for whole in (False, True):
            tiling = Tiling(grid_of(text), arguments.overlap, whole)
            name = f"{text} tiles{' and the frame' if whole else ''}"
            print(row(name, arguments, annotations, frames, tiling), flush=True)


def row(
    name: str,
    arguments: argparse.Namespace,
    annotations: Annotations,
    frames: Sequence[Labelled],
    tiling: Tiling | None,
) -> str:
    """One row of the table."""
    plain = open_detector(arguments.model, conf=arguments.conf, max_detections=1000)
    with plain if tiling is None else TiledDetector(plain, tiling) as detector:
        known = {name: label for label, name in enumerate(annotations.class_names)}
        label_of = np.array([known.get(each, -1) for each in detector.spec.class_names])
        detector(frames[0][0])
        begin_s = time.perf_counter()
        found = [detector(image) for image, _ in frames]
        spent_ms = 1000 * (time.perf_counter() - begin_s) / len(frames)
    found = [shared(each, label_of) for each in found]
    labelled = tuple(ignoring(image, label_of) for _, image in frames)
    scored = dataclasses.replace(annotations, images=labelled)
    scores = evaluate(scored, found, max_detections=1000)
    small = next((s.ap for name, s in scores.per_bucket.items() if "small" in str(name)), np.nan)
    count = sum(map(len, found)) / len(found)
    total = scores.total
    figures = f"{total.ap:.3f} | {total.ap50:.3f} | {small:.3f} | {count:.0f} | {spent_ms:.0f}"
    return f"| {name} | {figures} |"


def shared(found: Detections, label_of: NDArray[np.int64]) -> Detections:
    """Detections of the classes that the data know, with their labels there."""
    labels = label_of[found.labels]
    keep = labels >= 0
    return Detections(found.boxes_xyxy[keep], found.scores[keep], labels[keep])


def ignoring(image: LabelledImage, label_of: NDArray[np.int64]) -> LabelledImage:
    """The image with objects ignored that the model cannot know."""
    unknown = ~np.isin(image.labels, label_of)
    return dataclasses.replace(image, ignored=image.ignored | unknown)


def mosaics(images: Sequence[LabelledImage], grid: tuple[int, int]) -> Iterator[Labelled]:
    """Yield frames of rows x columns images of one size each, side by side."""
    rows, columns = grid
    count = rows * columns
    for begin in range(0, len(images) - count + 1, count):
        parts = images[begin : begin + count]
        height, width = parts[0].size_hw
        if any(part.size_hw != parts[0].size_hw for part in parts):
            continue
        places = [divmod(i, columns) for i in range(count)]
        shifts = [np.array([x * width, y * height] * 2, np.float32) for y, x in places]
        frame = np.zeros((rows * height, columns * width, 3), np.uint8)
        for part, (y, x) in zip(parts, places, strict=True):
            cell = frame[y * height : (y + 1) * height, x * width : (x + 1) * width]
            cell[...] = read_image(part.path)
        yield (
            frame,
            dataclasses.replace(
                parts[0],
                size_hw=frame.shape[:2],
                boxes_xyxy=np.concatenate(
                    [p.boxes_xyxy + s for p, s in zip(parts, shifts, strict=True)]
                ),
                labels=np.concatenate([part.labels for part in parts]),
                ignored=np.concatenate([part.ignored for part in parts]),
            ),
        )


if __name__ == "__main__":
    main()
