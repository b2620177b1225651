"""A detector of a few hundred weights, and a COCO folder of a few images, for the loop's tests."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from edgedet.data.loader import Batch
from edgedet.models.registry import MODELS, Entry
from edgedet.models.targets import Target
from edgedet.runtime.spec import ModelSpec, spec_to_json
from edgedet.training.ema import Ema
from edgedet.training.interruption import StopRequest
from edgedet.training.loop import Quality, train
from edgedet.training.optimizer import build_optimizer
from edgedet.training.parts import Parts, Place, Plan
from edgedet.training.schedule import Schedule

CLASSES = ("disc", "box")


@dataclass(frozen=True)
class ToyOptions:
    imgsz: int = 32
    top_k: int = 1000
    dropout: float = 0.1
    class_weights: str | tuple[float, ...] = "none"


class Toy(nn.Module):
    """One box an image. It has what makes resuming hard: batch norm and dropout."""

    def __init__(self, class_names: tuple[str, ...], options: ToyOptions) -> None:
        super().__init__()
        self.spec = ModelSpec(class_names=class_names, size_hw=(options.imgsz, options.imgsz))
        self.counts: dict[str, Tensor] = {}
        self.stem = nn.Conv2d(3, 8, 5, stride=4)
        self.norm = nn.BatchNorm2d(8)
        self.dropout = nn.Dropout(options.dropout)
        self.head = nn.Linear(8, 4 + len(class_names))
        self.register_buffer("side", torch.tensor(float(options.imgsz)))

    def forward(self, images: Tensor) -> Tensor:
        maps = self.norm(self.stem(images)).relu()
        return self.head(self.dropout(maps.mean((2, 3))))

    def loss(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        raw = self(images)
        has = torch.tensor([float(len(t.labels) > 0) for t in targets], device=raw.device)
        boxes = [t.boxes_xyxy[0] if len(t.labels) else raw.new_zeros(4) for t in targets]
        labels = torch.stack(
            [t.labels[0] if len(t.labels) else raw.new_zeros(()).long() for t in targets]
        )
        wanted = torch.stack(boxes) / self.side
        box = (raw[:, :4] - wanted).abs().sum(1) * has
        named = nn.functional.cross_entropy(raw[:, 4:], labels, reduction="none") * has
        self.counts = {"n_pos": has.sum(), "n_neg": (1 - has).sum()}
        return {"box": box.mean(), "class": named.mean()}

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        raw = self(images)
        corner = raw[:, None, :2] * self.side
        boxes = torch.cat([corner, torch.maximum(raw[:, None, 2:4] * self.side, corner + 2)], 2)
        scores, labels = raw[:, 4:].softmax(1).max(1)
        return boxes, scores[:, None], labels[:, None]


def register_toy() -> None:
    MODELS["toy"] = Entry(ToyOptions, Toy)


class ToyBatches:
    """`Batches` in memory: random images that depend on the epoch, in an order that does."""

    def __init__(self, images: int = 22, batch: int = 4, side: int = 32, objects: bool = True):
        self.images, self.batch, self.side, self.objects = images, batch, side, objects
        self.poisoned: int | None = None

    @property
    def per_epoch(self) -> int:
        return -(-self.images // self.batch)

    def from_position(self, epoch: int, done: int) -> Iterator[Batch]:
        order = self._order(epoch)
        for start in range(done * self.batch, self.images, self.batch):
            yield self._batch(epoch, order[start : start + self.batch])

    def names(self, epoch: int, index: int) -> list[str]:
        chosen = self._order(epoch)[index * self.batch : (index + 1) * self.batch]
        return [f"{image}.jpg" for image in chosen]

    def _order(self, epoch: int) -> list[int]:
        return np.random.RandomState([7, epoch]).permutation(self.images).tolist()

    def _batch(self, epoch: int, chosen: list[int]) -> Batch:
        images = torch.stack([self._image(epoch, i) for i in chosen])
        return images, [self._target(i) for i in chosen]

    def _image(self, epoch: int, index: int) -> Tensor:
        generator = torch.Generator().manual_seed(1000 * epoch + index)
        image = torch.rand(3, self.side, self.side, generator=generator)
        return image * float("nan") if index == self.poisoned else image

    def _target(self, index: int) -> Target:
        if not self.objects:
            return Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))
        box = torch.tensor([[2.0, 3.0, 10.0 + index % 5, 12.0]])
        return Target(box, torch.tensor([index % 2]))


def toy_parts(batches: ToyBatches | None = None, **changes: Any) -> Parts:
    """The toy of seed 0 on one CPU. `changes`: ema, fabric, module (its builder), optimizer."""
    torch.manual_seed(0)
    module = changes.get("module", lambda: Toy(CLASSES, ToyOptions()))()
    fabric = changes.get("fabric") or Fabric(accelerator="cpu", devices=1)
    optimizer = build_optimizer(module, changes.get("optimizer", "adamw"), 0.01, 0.01, 0.9)
    model, set_up = fabric.setup(module, optimizer)
    model.mark_forward_method("loss")
    return Parts(
        fabric=fabric,
        module=module,
        model=model,
        optimizer=set_up,
        raw_optimizer=optimizer,
        ema=Ema(module, 0.9) if changes.get("ema", True) else None,
        batches=batches or ToyBatches(),
    )


def toy_plan(epochs: int = 3, accumulate: int = 1, **changes: Any) -> Plan:
    schedule = Schedule("cosine", steps=epochs * -(-6 // accumulate), warmup_steps=2)
    settings = {"lr": 0.01, "schedule": schedule, "clip_norm": 0.5} | changes
    return Plan(epochs=epochs, accumulate=accumulate, **settings)


class StopAfter:
    """A stop request that is made after some looks at it, that is, at a step of our choice."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    @property
    def requested(self) -> bool:
        self.left -= 1
        return self.left <= 0


def run(parts: Parts, plan: Plan, place: Place | None = None, **how: Any) -> Place:
    """`train` from the start or from `place`; `how`: validate, outputs, stop."""
    place = place or Place()
    validate = how.get("validate") or (lambda _: Quality(0.5, 0.6))
    train(parts, plan, place, validate, how.get("outputs"), how.get("stop") or StopRequest())
    return place


def assert_same(one: Any, other: Any, path: str = "") -> None:
    """Equal to the last bit, at any depth; the clock is not compared."""
    if isinstance(one, Tensor):
        assert torch.equal(one, other), path
    elif isinstance(one, dict):
        assert list(one) == list(other), path
        for key in one:
            if key != "seconds":
                assert_same(one[key], other[key], f"{path}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), path
        for i, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{path}/{i}")
    else:
        assert one == other, path


def qualities(*values: float) -> Any:
    """A `Validate` that returns these values of AP one after the other, and AP50 twice that."""
    left = list(values)

    def validate(_: nn.Module) -> Quality:
        value = left.pop(0)
        return Quality(value, 2 * value)

    return validate


def write_coco(folder: Path, train: int = 10, val: int = 4, objects: bool = True) -> Path:
    """A COCO folder of 48x40 images with one dark rectangle each, or none."""
    for split, count in (("train", train), ("val", val)):
        records: list[dict[str, Any]] = []
        boxes: list[dict[str, Any]] = []
        for i in range(1, count + 1):
            name = f"{split}_{i:02d}.png"
            x, y, side = 3 + i % 7, 4 + i % 5, 12 + i % 6
            pixels = np.full((40, 48, 3), 200 - 3 * i, np.uint8)
            pixels[y : y + side, x : x + side] = 30
            (folder / "images").mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / "images" / name), pixels)
            records.append({"id": i, "file_name": name, "width": 48, "height": 40})
            box = {"bbox": [x, y, side, side], "area": side * side, "iscrowd": 0}
            boxes.append({"id": i, "image_id": i, "category_id": 1 + i % 2, **box})
        categories = [{"id": i, "name": name} for i, name in enumerate(CLASSES, start=1)]
        content = {
            "images": records,
            "annotations": boxes if objects else [],
            "categories": categories,
        }
        (folder / "annotations").mkdir(parents=True, exist_ok=True)
        (folder / "annotations" / f"{split}.json").write_text(json.dumps(content))
    return folder


def toy_identity() -> dict[str, Any]:
    """The keys of a checkpoint that stay the same."""
    model = Toy(CLASSES, ToyOptions())
    return {
        "builder": "toy",
        "class_names": list(CLASSES),
        "options": {"imgsz": 32},
        "spec": spec_to_json(model.spec),
        "recipe": {"select": "ap"},
    }
