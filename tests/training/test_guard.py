"""A loss that is not a number stops the run before the weights learn of it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from training_toys import (
    CLASSES,
    Toy,
    ToyBatches,
    ToyOptions,
    run,
    toy_identity,
    toy_parts,
    toy_plan,
)

from edgedet.runtime.errors import ModelError
from edgedet.training.checkpoint import load_checkpoint
from edgedet.training.outputs import Outputs
from edgedet.training.parts import Place


class PoisonedLater(ToyBatches):
    """Image 13 breaks in the second epoch."""

    def _image(self, epoch: int, index: int) -> Tensor:
        image = super()._image(epoch, index)
        return image * float("nan") if (epoch, index) == (1, 13) else image


@pytest.mark.parametrize("accumulate", [1, 3])
def test_names_the_batch_and_keeps_the_checkpoint(tmp_path: Path, accumulate: int) -> None:
    batches = PoisonedLater()
    parts, place = toy_parts(batches), Place()
    outputs = Outputs(tmp_path, toy_identity(), place)
    index = next(i for i in range(6) if "13.jpg" in batches.names(1, i))
    named = ", ".join(batches.names(1, index))
    with pytest.raises(ModelError) as caught:
        run(parts, toy_plan(3, accumulate), place, outputs=outputs)
    assert f"loss nan in epoch 2, batch {index + 1} ({named})" in str(caught.value)
    assert "\n" not in str(caught.value)
    state = load_checkpoint(tmp_path / "model.pt")
    assert (state["epoch"], state["batches_done"]) == (1, 0)
    assert all(torch.isfinite(value).all() for value in state["model"].values())
    assert all(torch.isfinite(weight).all() for weight in parts.module.parameters())


class SteepToy(Toy):
    """A finite loss whose gradient is not."""

    def loss(self, images: Tensor, targets: Any) -> dict[str, Tensor]:
        terms = super().loss(images, targets)
        return {**terms, "root": (self.head.weight * 0.0).abs().sum().sqrt()}


def test_a_gradient_counts_as_well() -> None:
    parts = toy_parts(module=lambda: SteepToy(CLASSES, ToyOptions()))
    before = parts.module.state_dict()["head.weight"].clone()
    with pytest.raises(ModelError, match=r"a gradient of norm (nan|inf) in epoch 1, batch 1"):
        run(parts, toy_plan())
    assert torch.equal(before, parts.module.state_dict()["head.weight"])


def test_a_long_batch_is_not_listed_whole() -> None:
    batches = ToyBatches(images=22, batch=22)
    batches.poisoned = 5
    with pytest.raises(ModelError, match=r"\.jpg and 14 more\)"):
        run(toy_parts(batches), toy_plan())
