"""Write small data sets in every format, by hand: nothing of the readers is used here."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

CLASSES = ("cat", "dog", "owl")
Box = tuple[float, float, float, float]
Labels = Mapping[str, Sequence[tuple[int, Box]]]
"""Image stem to its (label, x1 y1 x2 y2) objects."""
SIZE_HW = (60, 80)


def write_image(path: Path, size_hw: tuple[int, int] = SIZE_HW) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (size_hw[1], size_hw[0]), (90, 120, 150)).save(path)
    return path


def write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def coco_document(labels: Labels, size_hw: tuple[int, int] = SIZE_HW) -> dict[str, list[dict]]:
    images = [
        {"id": place, "file_name": f"{stem}.png", "width": size_hw[1], "height": size_hw[0]}
        for place, stem in enumerate(labels, start=10)
    ]
    rows = [(image["id"], row) for image in images for row in labels[image["file_name"][:-4]]]
    annotations = [
        {
            "id": place,
            "image_id": image,
            # Ids with gaps, listed backwards below.
            "category_id": 7 * (label + 1),
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "iscrowd": 0,
        }
        for place, (image, (label, (x1, y1, x2, y2))) in enumerate(rows, start=1)
    ]
    categories = [{"id": 7 * (label + 1), "name": name} for label, name in enumerate(CLASSES)]
    return {"images": images, "annotations": annotations, "categories": categories[::-1]}


def write_coco(folder: Path, labels: Labels, split: str = "train") -> Path:
    for stem in labels:
        write_image(folder / "images" / f"{stem}.png")
    path = folder / "annotations" / f"{split}.json"
    return write_text(path, json.dumps(coco_document(labels)))


def write_yolo(folder: Path, labels: Labels, split: str = "train") -> Path:
    height, width = SIZE_HW
    for stem, objects in labels.items():
        write_image(folder / "images" / split / f"{stem}.png")
        rows = [
            f"{label} {(x1 + x2) / 2 / width:.9f} {(y1 + y2) / 2 / height:.9f} "
            f"{(x2 - x1) / width:.9f} {(y2 - y1) / height:.9f}\n"
            for label, (x1, y1, x2, y2) in objects
        ]
        write_text(folder / "labels" / split / f"{stem}.txt", "".join(rows))
    names = "".join(f"  {label}: {name}\n" for label, name in enumerate(CLASSES))
    splits = "".join(f"{name}: images/{name}\n" for name in ("train", "val"))
    return write_text(folder / "data.yaml", f"{splits}nc: 3\nnames:\n{names}")


def voc_object(name: str, box: Box, difficult: int = 0) -> str:
    x1, y1, x2, y2 = box
    corners = f"<xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
    return (
        f"<object><name>{name}</name><difficult>{difficult}</difficult>"
        f"<bndbox>{corners}</bndbox><part><name>head</name></part></object>"
    )


def voc_page(stem: str, objects: str, size_hw: tuple[int, int] = SIZE_HW) -> str:
    size = f"<size><width>{size_hw[1]}</width><height>{size_hw[0]}</height><depth>3</depth></size>"
    return f"<annotation><filename>{stem}.png</filename>{size}{objects}</annotation>"


def write_voc(folder: Path, labels: Labels, split: str = "train") -> Path:
    for stem, objects in labels.items():
        write_image(folder / "JPEGImages" / f"{stem}.png")
        text = "".join(voc_object(CLASSES[label], box) for label, box in objects)
        write_text(folder / "Annotations" / f"{stem}.xml", voc_page(stem, text))
    return write_text(folder / "ImageSets" / "Main" / f"{split}.txt", "\n".join(labels) + "\n")


def write_visdrone(folder: Path, labels: Labels, split: str = "train") -> Path:
    home = folder / f"VisDrone2019-DET-{split}"
    for stem, objects in labels.items():
        write_image(home / "images" / f"{stem}.png")
        rows = [
            f"{x1:g},{y1:g},{x2 - x1:g},{y2 - y1:g},1,{label + 1},0,0,\n"
            for label, (x1, y1, x2, y2) in objects
        ]
        write_text(home / "annotations" / f"{stem}.txt", "".join(rows))
    return home
