"""Averaged weights against a slow reference, one number at a time."""

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from edgedet.training.ema import Ema, warmed_up


def changed(model: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in [*model.parameters(), *model.buffers()]:
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape, generator=generator))
            else:
                value.add_(1)


def test_equals_the_slow_reference() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    ema = Ema(model, decay=0.8)
    mean: dict[str, torch.Tensor] = {}
    for update in range(30):
        changed(model, update)
        ema.update()
        for name, value in model.state_dict().items():
            decay = min(0.8, (1 + update) / (10 + update))
            exact = value.double()
            old = mean.get(name, exact)
            is_count = name.endswith("num_batches_tracked")
            mean[name] = exact if update == 0 or is_count else decay * old + (1 - decay) * exact
    for name, value in ema.module.state_dict().items():
        assert torch.allclose(value.double(), mean[name], atol=1e-6), name
    assert ema.module.state_dict()["1.num_batches_tracked"] == 30


def test_goes_on_from_a_saved_state() -> None:
    model = nn.Linear(3, 2)
    unbroken, broken = Ema(model, 0.9), Ema(model, 0.9)
    for update in range(6):
        changed(model, update)
        unbroken.update()
        broken.update()
        if update == 2:
            state = {
                k: v if k == "updates" else {n: w.clone() for n, w in v.items()}
                for k, v in broken.state_dict().items()
            }
            broken = Ema(model, 0.9)
            broken.load_state_dict(state)
    assert torch.equal(unbroken.module.weight, broken.module.weight)  # type: ignore[arg-type]


def test_the_average_is_a_model_in_evaluation_mode_without_gradients() -> None:
    ema = Ema(nn.Sequential(nn.Dropout(), nn.Linear(2, 2)).train(), 0.9)
    assert not any(module.training for module in ema.module.modules())
    assert not any(weight.requires_grad for weight in ema.module.parameters())


@pytest.mark.parametrize(("update", "decay"), [(1, 2 / 11), (8, 0.5), (10**6, 0.99)])
def test_decay_is_short_at_first(update: int, decay: float) -> None:
    assert warmed_up(0.99, update) == decay


def test_buffers_that_were_moved_are_still_averaged() -> None:
    """Moving a model to a device or memory format can put new tensors in place of its buffers."""
    model = nn.BatchNorm2d(2)
    ema = Ema(model, 0.5)
    ema.update()
    ema.module.running_mean = torch.zeros(2)  # type: ignore[assignment]
    model.running_mean = torch.full((2,), 8.0)
    for _ in range(20):
        ema.update()
    assert torch.allclose(ema.module.get_buffer("running_mean"), model.running_mean, atol=1e-3)


def test_equals_averaged_model() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    ema = Ema(model, decay=2 / 11)  # below every warmed-up decay: constant
    torchs = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(2 / 11), use_buffers=True)
    for update in range(5):
        changed(model, update)
        ema.update()
        torchs.update_parameters(model)
    for name, value in ema.module.state_dict().items():
        if value.is_floating_point():
            assert torch.equal(value, torchs.module.state_dict()[name])
