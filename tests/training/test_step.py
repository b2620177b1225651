"""One step of the optimiser: accumulation, clipping, mixed precision, what it does not do."""

from collections.abc import Iterator, Sequence

import pytest
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from training_toys import CLASSES, Toy, ToyBatches, ToyOptions, run, toy_parts, toy_plan

from edgedet.data.loader import Batch
from edgedet.models.targets import Target
from edgedet.training.parts import Parts, Place
from edgedet.training.step import run_step


class Plain(nn.Module):
    """A loss that is a mean over images, without batch norm: halves of a batch add up."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.counts: dict[str, Tensor] = {"n_pos": torch.tensor(1)}

    def loss(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        return {"all": self.layer(images.mean((2, 3))).square().sum(1).mean()}


def weights_after_an_epoch(batch: int, accumulate: int, images: int = 16) -> Tensor:
    parts = toy_parts(ToyBatches(images, batch), module=Plain, optimizer="sgd")
    run(parts, toy_plan(epochs=1, accumulate=accumulate, clip_norm=0.0))
    return parts.module.layer.weight.detach()  # type: ignore[union-attr, return-value]


def test_two_batches_of_4_make_one_of_8() -> None:
    halves, whole = weights_after_an_epoch(4, 2), weights_after_an_epoch(8, 1)
    torch.testing.assert_close(halves, whole)
    assert not torch.allclose(weights_after_an_epoch(4, 1), whole)


def test_an_incomplete_group_is_a_mean_as_well() -> None:
    """20 images: steps over 8, 8 and 4 of them, however they are cut into batches."""
    torch.testing.assert_close(weights_after_an_epoch(4, 2, 20), weights_after_an_epoch(8, 1, 20))
    torch.testing.assert_close(weights_after_an_epoch(2, 4, 20), weights_after_an_epoch(8, 1, 20))


def change_by_a_step(clip_norm: float) -> float:
    """The length of the weights' change by a step of plain SGD at the rate 0.01."""
    parts = toy_parts(optimizer="sgd")
    for group in parts.raw_optimizer.param_groups:
        group["momentum"], group["weight_decay"] = 0.0, 0.0
    before = flat_weights(parts)
    batches: Iterator[Batch] = parts.batches.from_position(0, 0)
    run_step(parts, toy_plan(clip_norm=clip_norm), Place(step=2), batches, stop=False)
    return float((flat_weights(parts) - before).norm())


def flat_weights(parts: Parts) -> Tensor:
    return torch.cat([weight.detach().flatten().clone() for weight in parts.module.parameters()])


def test_clipping_bounds_the_gradient() -> None:
    free = change_by_a_step(0.0)
    assert change_by_a_step(1e9) == free
    assert change_by_a_step(1e-3) == pytest.approx(0.01 * 1e-3, rel=1e-2)
    assert free > 0.01 * 1e-3


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_autocast_reaches_the_loss(precision: str) -> None:
    """`loss` is not `forward`: Fabric on one device would leave it in float32."""
    seen: list[torch.dtype] = []

    def watched() -> Toy:
        module = Toy(CLASSES, ToyOptions())
        module.stem.register_forward_hook(lambda _m, _i, out: seen.append(out.dtype))
        return module

    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)  # type: ignore[arg-type]
    parts = toy_parts(module=watched, fabric=fabric)
    place = run(parts, toy_plan(epochs=1))
    wanted = torch.bfloat16 if precision == "bf16-mixed" else torch.float32
    assert set(seen) == {wanted}
    assert all(weight.dtype == torch.float32 for weight in parts.module.parameters())
    assert place.step == 6


def test_images_come_in_channels_last() -> None:
    seen: list[bool] = []

    def look(_: nn.Module, inputs: tuple[Tensor]) -> None:
        seen.append(inputs[0].is_contiguous(memory_format=torch.channels_last))

    parts = toy_parts()
    parts.module.stem.register_forward_pre_hook(look)  # type: ignore[union-attr, operator]
    run(parts, toy_plan(epochs=1))
    assert seen == [True] * 6


def test_batches_without_objects_train_on() -> None:
    parts = toy_parts(ToyBatches(objects=False))
    place = run(parts, toy_plan(epochs=2))
    assert place.step == 12
    assert all(torch.isfinite(weight).all() for weight in parts.module.parameters())


def test_the_generator_of_the_caller_does_not_matter() -> None:
    states = []
    for seed in (1, 2):
        parts = toy_parts()
        torch.manual_seed(seed)
        run(parts, toy_plan(epochs=1))
        states.append(parts.module.state_dict()["head.weight"])
    assert torch.equal(*states)
