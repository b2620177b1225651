"""A detector that is nearly right: what it finds in noise is labelled, all but slivers."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from torch import nn
from toy_detector import SIZE_HW, ToyDetector

from edgedet.export.from_torch import graph_from_torch
from edgedet.export.onnx_file import save_onnx
from edgedet.runtime.detector import open_detector

LEAST_SCORE = 0.3
"""Of what is labelled: the candidates below it are false alarms, and rank behind."""


class DeepToy(ToyDetector):
    """With two convolutions in a row, between which a channel can be scaled."""

    def __init__(self) -> None:
        super().__init__()
        narrow, wide = nn.Conv2d(8, 6, 1), nn.Conv2d(6, 8, 1)
        for layer in (narrow, wide):
            nn.init.normal_(layer.weight, std=0.5)
        self.norm = nn.Sequential(self.norm, nn.ReLU6(), narrow, wide)


def exported(path: Path) -> onnx.ModelProto:
    torch.manual_seed(0)
    model = graph_from_torch(DeepToy().eval(), 1, 13, {})
    save_onnx(model, path)
    return model


def write_data(folder: Path, model: Path, black: int = 0, count: int = 24) -> Path:
    """Write noise for train and val, labelled with what `model` finds, as a COCO folder.

    black: so many images of train, all of them, are black and show nothing.
    """
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    rng = np.random.default_rng(0)
    with open_detector(model, conf=LEAST_SCORE) as detector:
        names = detector.spec.class_names
        for split in ("train", "val"):
            dark = split == "train" and black
            frames = [_frame(rng, bool(dark)) for _ in range(black if dark else count)]
            content = {"categories": [{"id": i, "name": n} for i, n in enumerate(names, start=1)]}
            content |= {"images": [], "annotations": []}
            for index, frame in enumerate(frames, start=1):
                _add(content, folder, f"{split}{index}.png", frame, [] if dark else detector(frame))
            (folder / "annotations" / f"{split}.json").write_text(json.dumps(content))
    return folder


def _frame(rng: np.random.Generator, dark: bool) -> np.ndarray:
    coarse = rng.integers(0, 256, (8, 12, 3), np.uint8)
    frame = cv2.resize(coarse, SIZE_HW[::-1], interpolation=cv2.INTER_NEAREST)
    return np.zeros_like(frame) if dark else frame


def _add(content: dict, folder: Path, name: str, frame: np.ndarray, found) -> None:
    cv2.imwrite(str(folder / "images" / name), frame)
    number = len(content["images"]) + 1
    height, width = frame.shape[:2]
    content["images"].append({"id": number, "file_name": name, "width": width, "height": height})
    boxes = found.boxes_xyxy.tolist() if len(found) else []
    for (x1, y1, x2, y2), label in zip(boxes, found.labels.tolist() if boxes else [], strict=True):
        if x2 - x1 >= 1 and y2 - y1 >= 1:
            record = {"image_id": number, "category_id": label + 1, "iscrowd": 0}
            record |= {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)}
            content["annotations"].append({"id": len(content["annotations"]) + 1, **record})
