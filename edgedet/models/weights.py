"""Trained weights for a new detector's trunk."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import Protocol, runtime_checkable
from urllib.error import URLError

import torch
from torch import Tensor, nn

from edgedet.models.trunk_networks import TrunkNetwork
from edgedet.runtime.errors import DeviceError, ModelError, UsageError


@runtime_checkable
class OnTrunk(Protocol):
    """A detector that stands on a network for which there are trained weights."""

    @property
    def trunk_network(self) -> TrunkNetwork:
        """The network that its trunk was cut from."""

    def take_trunk(self, network: nn.Module) -> None:
        """Copy what the trunk has of `network`, one of that kind."""


_FIX = "save it with torch.save(network.state_dict(), path)"


def load_trunk_weights(model: nn.Module, weights: str) -> None:
    """Load "imagenet" (torchvision's, downloaded once) or a local file into the trunk, or "none".

    The file is a state dict of torchvision's network, of any float type. Raises ModelError
    when it is not, DeviceError when ImageNet's weights cannot be downloaded, UsageError when the
    model has no trunk that they fit.
    """
    if weights == "none":
        return
    if not isinstance(model, OnTrunk):
        raise UsageError("--weights none for a model without a trunk", weights, "drop --weights")
    kind = model.trunk_network
    state = _imagenet(kind) if weights == "imagenet" else _local(Path(weights))
    network = kind.network(weights=None)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        # The first line names torchvision's class; the second may list hundreds of keys.
        reason = shorten(str(error).partition("\n")[2] or str(error), width=160)
        raise ModelError(
            f"torchvision's {kind.title} keys and shapes in {weights}", reason, "use such a file"
        ) from None
    model.take_trunk(network)


def _imagenet(kind: TrunkNetwork) -> Mapping[str, Tensor]:
    try:
        state: Mapping[str, Tensor] = kind.imagenet.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        raise DeviceError(
            "to download torchvision's ImageNet weights",
            f"{error}",
            "connect once, give a file with --weights FILE, or start from scratch with "
            "--weights none",
        ) from None
    return state


def _local(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise UsageError("--weights imagenet, none or a file", f"no file {path}", "check the path")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's remarks on a foreign pickle
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what the unpickler raises on arbitrary bytes is not to be listed
        reason = shorten(str(error) or type(error).__name__, width=160)
        raise ModelError(f"a file of plain tensors in {path}", reason, _FIX) from error
    if not isinstance(state, Mapping):
        raise ModelError(f"a state dict in {path}", type(state).__name__, _FIX)
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            found = f"{type(value).__name__} under {key!r}"
            raise ModelError(f"tensors by name in {path}", found, _FIX)
    return {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
