"""Images a second of a training step, ours against torchvision's ssdlite at the same input.

A step is forward, loss, backward, gradient clipping and optimiser on a batch that is already in
memory; loading is not in it. Weights are random: speed only. Run it on a quiet machine:

    python benchmarks/training_step.py --rounds 10 --out docs/results/training_step.json
"""

import argparse
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import cast

import numpy as np
import torch
from interleaved import TimesMs, interleave, timing_rows
from results import Finding, Results, publish
from ssdlite import build_ssdlite
from torch import Tensor, nn

from edgedet.models.registry import build_model
from edgedet.models.targets import Target
from edgedet.recipe import resolve_recipe
from edgedet.runtime.environment import describe_environment, package_versions, usable_cores
from edgedet.runtime.preprocess import normalise
from edgedet.runtime.synthetic_frames import synthetic_frames
from edgedet.training.ema import Ema
from edgedet.training.optimizer import build_optimizer

CLASSES = ("unripe", "semi-ripe", "ripe")
OBJECTS = 9
TARGET_IMAGES_PER_S = 12.0
RECIPE = "scale_aware_ssd: documented recipe (channels-last, bf16, frozen stem, EMA)"
PLAIN = "scale_aware_ssd: plain eager float32, contiguous"
SSDLITE = "ssdlite: plain eager float32, contiguous"

Losses = Callable[[Tensor, Sequence[Target]], dict[str, Tensor]]


@dataclass(frozen=True)
class Step:
    """How a contender trains."""

    channels_last: bool = False
    bf16: bool = False
    ema: bool = False


def step_call(
    model: nn.Module, losses: Losses, images: Tensor, targets: Sequence[Target], step: Step
) -> Callable[[], object]:
    """Return one training step of `model` on that batch, repeatable."""
    recipe = resolve_recipe(None, {})
    layout = torch.channels_last if step.channels_last else torch.contiguous_format
    model.to(memory_format=layout).train()
    batch = images.to(memory_format=layout)
    optimizer = build_optimizer(
        model, recipe.optimizer, recipe.lr, recipe.weight_decay, recipe.momentum
    )
    ema = Ema(model, recipe.ema_decay) if step.ema else None

    def call() -> None:
        with torch.autocast("cpu", torch.bfloat16) if step.bf16 else nullcontext():
            loss = torch.stack(list(losses(batch, targets).values())).sum()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if ema is not None:
            ema.update()

    return call


def ssdlite_losses(model: nn.Module) -> Losses:
    """Return torchvision's own loss in the form of ours."""

    def losses(images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        labelled = [{"boxes": t.boxes_xyxy, "labels": t.labels + 1} for t in targets]
        return cast(dict[str, Tensor], model(list(images), labelled))

    return losses


def batch_of(images: int, side: int) -> tuple[Tensor, list[Target]]:
    """Return normalised images [N, 3, side, side] and nine objects of 3 to 15 % in each."""
    model = build_model("scale_aware_ssd", CLASSES, {"imgsz": side})
    frames = synthetic_frames(images, (side, side))
    batch = np.stack([normalise(frame, model.spec) for frame in frames])
    rng = np.random.RandomState(0)
    return torch.from_numpy(batch), [_target(rng, side) for _ in range(images)]


def _target(rng: np.random.RandomState, side: int) -> Target:
    sides = rng.uniform(0.03, 0.15, (OBJECTS, 1)) * side
    corners = rng.uniform(0.0, 1.0, (OBJECTS, 2)) * (side - sides)
    boxes = np.hstack([corners, corners + sides]).astype(np.float32)
    return Target(torch.from_numpy(boxes), torch.arange(OBJECTS) % len(CLASSES))


def all_calls(images: int, side: int, frozen_blocks: int) -> dict[str, Callable[[], object]]:
    """Return every contender by its name."""
    batch, targets = batch_of(images, side)
    fast = Step(channels_last=True, bf16=True)
    ours = {
        RECIPE: (frozen_blocks, Step(channels_last=True, bf16=True, ema=True)),
        "scale_aware_ssd: channels-last, bf16, nothing frozen": (0, fast),
        "scale_aware_ssd: channels-last, float32, nothing frozen": (0, Step(channels_last=True)),
        PLAIN: (0, Step()),
    }
    calls = {}
    for name, (frozen, step) in ours.items():
        torch.manual_seed(0)
        options = {"imgsz": side, "frozen_blocks": frozen}
        model = build_model("scale_aware_ssd", CLASSES, options)
        calls[name] = step_call(cast(nn.Module, model), model.loss, batch, targets, step)
    for name, step in ((SSDLITE, Step()), ("ssdlite: channels-last, bf16", fast)):
        reference = build_ssdlite(len(CLASSES), side)
        losses = ssdlite_losses(reference)
        calls[name] = step_call(reference, losses, batch, targets, step)
    return calls


def findings(times: TimesMs, images: int) -> list[Finding]:
    """Return images a second of every contender; the documented recipe has a target."""
    return [
        Finding(
            name,
            images * 1000.0 / median(times[name]),
            "images/s",
            target=TARGET_IMAGES_PER_S if name == RECIPE else None,
            lower_is_better=False,
        )
        for name in times
    ]


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--warmup", type=int, default=2, help="rounds before the timed ones")
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--imgsz", type=int, default=512, help="side of the input")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--frozen-blocks", type=int, default=3, help="of the documented recipe")
    parser.add_argument("--out", type=Path, help="JSON, such as docs/results/training_step.json")
    options = parser.parse_args()
    environment = describe_environment(options.threads)
    torch.set_num_threads(options.threads)
    calls = all_calls(options.batch, options.imgsz, options.frozen_blocks)
    times = interleave(calls, options.rounds, options.warmup)
    settings = {key: value for key, value in vars(options).items() if key != "out"}
    environment = {**environment, "packages": package_versions()}
    rows = timing_rows(times, {"ssdlite": SSDLITE, "plain eager": PLAIN})
    found = findings(times, options.batch)
    publish(Results("training_step", settings, environment, rows, found), options.out)


if __name__ == "__main__":
    main()
