"""The sums of one epoch, kept on the device so that no step waits for them."""

from collections.abc import Mapping
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor

Sums = dict[str, Tensor]


class Tally:
    """Losses, counts, images and seconds of the batches of an epoch so far."""

    def __init__(self) -> None:
        self._losses: Sums = {}
        self._counts: Sums = {}
        self.batches = 0
        self.images = 0
        self.seconds = 0.0

    def add(self, losses: Mapping[str, Tensor], counts: Mapping[str, Tensor], images: int) -> None:
        """Take in one batch: its scalar loss terms and its scalar counts."""
        _add(self._losses, losses)
        _add(self._counts, counts)
        self.batches += 1
        self.images += images

    def means(self) -> dict[str, float]:
        """Return the mean loss and its terms, each count per image, and the images per second."""
        losses = {f"loss_{k}": float(v) / self.batches for k, v in self._losses.items()}
        counts = {k: float(v) / self.images for k, v in self._counts.items()}
        speed = self.images / self.seconds if self.seconds else 0.0
        return {"loss": sum(losses.values()), **losses, **counts, "images_per_s": speed}

    def merge(self, fabric: Fabric) -> None:
        """Let the first process hold the sums of all, and the others none, of the same names."""
        if fabric.world_size == 1:
            return
        numbers = self._numbers(fabric.device)
        summed = fabric.all_reduce(numbers, reduce_op="sum")
        assert isinstance(summed, Tensor)
        self._take(summed if fabric.is_global_zero else torch.zeros_like(numbers))

    def state_dict(self) -> dict[str, Any]:
        """Return the sums as plain numbers; float64, so nothing is lost."""
        return {
            "losses": {k: float(v) for k, v in self._losses.items()},
            "counts": {k: float(v) for k, v in self._counts.items()},
            "batches": self.batches,
            "images": self.images,
            "seconds": self.seconds,
        }

    def load_state_dict(self, state: Mapping[str, Any], fabric: Fabric) -> None:
        """Go on from what `state_dict` returned: sums of all processes go to the first one."""
        self._losses = _tensors(state["losses"], fabric.device)
        self._counts = _tensors(state["counts"], fabric.device)
        self.batches, self.images = state["batches"], state["images"]
        self.seconds = state["seconds"]
        if not fabric.is_global_zero:
            self._take(torch.zeros_like(self._numbers(fabric.device)))

    def _numbers(self, device: torch.device) -> Tensor:
        plain = [torch.tensor(float(n), device=device) for n in (self.batches, self.images)]
        return torch.stack([*self._losses.values(), *self._counts.values(), *plain]).double()

    def _take(self, numbers: Tensor) -> None:
        values = list(numbers)
        self._losses = {name: values.pop(0) for name in self._losses}
        self._counts = {name: values.pop(0) for name in self._counts}
        self.batches, self.images = int(values[0]), int(values[1])


def _add(sums: Sums, terms: Mapping[str, Tensor]) -> None:
    for name, term in terms.items():
        value = term.detach().double()
        sums[name] = sums[name] + value if name in sums else value


def _tensors(values: Mapping[str, float], device: torch.device) -> Sums:
    return {k: torch.tensor(v, dtype=torch.float64, device=device) for k, v in values.items()}
