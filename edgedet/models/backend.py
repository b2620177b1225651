"""A torch model behind the runtime's backend life cycle, so that one detector runs everywhere."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgedet.models.protocol import DetectionModel


class TorchBackend:
    """Runs `model.predict` on preprocessed batches of `batch` images."""

    def __init__(
        self, model: DetectionModel, device: str | torch.device = "cpu", batch: int = 1
    ) -> None:
        assert isinstance(model, nn.Module)
        self.spec = model.spec
        self.batch = batch
        self.device = torch.device(device)
        self.model = model.to(self.device).to(memory_format=torch.channels_last).eval()

    def infer(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.generic], ...]:
        """Return boxes [N, K, 4], scores [N, K], labels [N, K] for a batch [N, 3, H, W]."""
        images = torch.from_numpy(batch).to(self.device, memory_format=torch.channels_last)
        with torch.inference_mode():
            return tuple(output.cpu().numpy() for output in self.model.predict(images))

    def close(self) -> None:
        """Nothing is held open."""
