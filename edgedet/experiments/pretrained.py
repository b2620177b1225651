"""The trunk of a trained detector, as a file that `weights` of a recipe takes."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import torch

from edgedet.models.ssd import Ssd
from edgedet.models.trunk import Trunk
from edgedet.runtime.atomic import atomic_path
from edgedet.runtime.errors import ModelError
from edgedet.training.checkpoint import model_from_checkpoint


def trunk_file(checkpoint: Path, folder: Path) -> Path:
    """Write the trunk of an SSD's checkpoint into `folder` as torchvision's state dict.

    The name follows from the contents, so the same file makes the same runs wherever it lies.
    Blocks behind the checkpoint's last head are untrained: only detectors with the same taps are
    to start from it. Raises ModelError for a file that is no checkpoint of an SSD.
    """
    model = model_from_checkpoint(checkpoint)
    if not isinstance(model, Ssd):
        found = f"a {type(model).__name__} in {checkpoint}"
        raise ModelError("the checkpoint of an SSD", found, "give one of scale_aware_ssd")
    kind = model.trunk_network
    torch.manual_seed(0)  # the blocks that are not of the checkpoint: the same file each time
    network = kind.network(weights=None)
    cut = Trunk(model.maps.trunk.name, model.maps.trunk.taps, blocks=kind.cut(network))
    cut.load_state_dict(model.maps.trunk.state_dict())
    packed = io.BytesIO()
    torch.save(network.state_dict(), packed)
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()[:8]
    path = folder / f"trunk-{digest}.pth"
    if not path.exists():
        with atomic_path(path) as temporary:
            temporary.write_bytes(packed.getbuffer())
    return path
