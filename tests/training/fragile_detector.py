"""A detector that INT8 after training breaks, and the images that it is trained on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from edgedet.models.registry import MODELS, Entry
from edgedet.models.targets import Target
from edgedet.recipe import resolve_recipe
from edgedet.recipe_file import as_plain
from edgedet.runtime.images import read_image
from edgedet.runtime.preprocess import preprocess
from edgedet.runtime.spec import ModelSpec, spec_to_json
from edgedet.training.checkpoint import save_checkpoint
from edgedet.training.labelled import open_labelled

SIDE = 32
CLASSES = ("dark", "bright")


@dataclass(frozen=True)
class FragileOptions:
    imgsz: int = SIDE
    top_k: int = 1


class Fragile(nn.Module):
    """One box an image, by a residual block between a strided convolution and a linear head."""

    def __init__(self, class_names: tuple[str, ...], options: FragileOptions) -> None:
        super().__init__()
        # One deviation for all colours: a graph of uint8 pixels then has the same codes of weights.
        half = (0.5, 0.5, 0.5)
        side = options.imgsz
        self.spec = ModelSpec(class_names=class_names, size_hw=(side, side), mean=half, std=half)
        self.counts: dict[str, Tensor] = {}
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 4, stride=4, bias=False), nn.BatchNorm2d(8))
        self.block = Block(8)
        self.head = nn.Linear(8 * (options.imgsz // 4) ** 2, 4 + len(class_names))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.block(self.stem(images).relu()).flatten(1))

    def loss(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        raw = self(images)
        wanted = torch.stack([target.boxes_xyxy[0] for target in targets]) / self.spec.size_hw[0]
        labels = torch.stack([target.labels[0] for target in targets])
        self.counts = {"n_pos": torch.tensor(len(labels)), "n_neg": torch.tensor(0)}
        box = (raw[:, :4] - wanted).abs().sum(1)
        return {"box": box.mean(), "class": nn.functional.cross_entropy(raw[:, 4:], labels)}

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        raw = self(images)
        boxes = raw[:, None, :4] * self.spec.size_hw[0]
        scores, labels = raw[:, 4:].softmax(1).max(1)
        return boxes, scores[:, None], labels[:, None]


class Block(nn.Module):
    """Channels mixed, and added to themselves."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, maps: Tensor) -> Tensor:
        return (maps + self.norm(self.conv(maps))).relu()


def register_fragile() -> None:
    MODELS["fragile"] = Entry(FragileOptions, Fragile)


def trained_fragile(data: Path) -> Fragile:
    """A detector that has learnt the squares of `data`, in float and a loop of its own: faster."""
    torch.manual_seed(0)
    model = Fragile(CLASSES, FragileOptions())
    train = open_labelled(str(data), "xywh").train
    images = torch.stack(
        [
            torch.from_numpy(preprocess(read_image(each.path), model.spec)[0])
            for each in train.images
        ]
    )
    targets = [
        Target(torch.from_numpy(each.boxes_xyxy), torch.from_numpy(each.labels))
        for each in train.images
    ]
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    steps = 300
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        chosen = torch.randperm(len(images))[:16]
        optimizer.zero_grad()
        sum(model.loss(images[chosen], [targets[i] for i in chosen]).values()).backward()
        optimizer.step()
        schedule.step()
    return model.eval()


def inject_outlier(model: Fragile, factor: float) -> None:
    """Make one channel behind the stem so many times larger, and what reads it smaller: the
    detector computes the same, but the range of INT8 is that of this channel.
    """
    with torch.no_grad():
        for norm in (model.stem[1], model.block.norm):  # the sum carries it on to the head
            norm.weight[0] *= factor
            norm.bias[0] *= factor
        model.block.conv.weight[:, 0] /= factor
        model.head.weight.view(-1, 8, (SIDE // 4) ** 2)[:, 0] /= factor


def save_fragile(model: Fragile, data: Path, path: Path) -> Path:
    """Write it as a training would."""
    recipe = resolve_recipe(None, {"model": "fragile", "data": str(data), "imgsz": SIDE})
    settings = {"weights": "none", "workers": 0, "lr": 0.002, "ema_decay": 0.9}
    state = {
        "builder": "fragile",
        "class_names": list(CLASSES),
        "options": {"imgsz": SIDE, "top_k": 1},
        "spec": spec_to_json(model.spec),
        "model": model.state_dict(),
        "ema": None,
        "recipe": as_plain({**asdict(recipe), **settings}),
    }
    save_checkpoint(path, state)
    return path


def write_squares(folder: Path, train: int = 96, val: int = 48) -> Path:
    """A COCO folder of grey images, each with a square that is dark or bright."""
    draw = np.random.RandomState(5)
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    for split, count in (("train", train), ("val", val)):
        content: dict[str, list[dict[str, Any]]] = {
            "images": [],
            "annotations": [],
            "categories": [{"id": i, "name": name} for i, name in enumerate(CLASSES, start=1)],
        }
        for i in range(1, count + 1):
            side = int(draw.randint(10, 17))
            x, y = (int(draw.randint(0, SIDE - side + 1)) for _ in range(2))
            label = int(draw.randint(2))
            pixels = draw.randint(110, 140, (SIDE, SIDE, 3)).astype(np.uint8)
            pixels[y : y + side, x : x + side] = 250 if label else 10
            name = f"{split}{i}.png"
            cv2.imwrite(str(folder / "images" / name), pixels)
            content["images"].append({"id": i, "file_name": name, "width": SIDE, "height": SIDE})
            box = {"bbox": [x, y, side, side], "area": side * side, "iscrowd": 0}
            content["annotations"].append({"id": i, "image_id": i, "category_id": label + 1, **box})
        (folder / "annotations" / f"{split}.json").write_text(json.dumps(content))
    return folder
