"""A detector small enough for a unit test, with every part that export has to bring over."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edgedet.models.targets import Target
from edgedet.runtime.spec import ModelSpec

SIZE_HW = (32, 48)
STRIDE = 8
CLASSES = ("cat", "dog", "hen")


class ToyDetector(nn.Module):
    """One map of anchors: stem, BatchNorm, ReLU6, one head for boxes and classes."""

    counts: dict[str, Tensor] = {}

    def __init__(self, top_k: int = 20, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.spec = ModelSpec(
            class_names=CLASSES,
            size_hw=SIZE_HW,
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
            score_threshold=0.1,
            provenance={"data": "toy"},
        )
        self.top_k = top_k
        self.stem = nn.Conv2d(3, 8, 3, stride=4, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Conv2d(8, 4 + len(CLASSES) + 1, 3, stride=2, padding=1)
        nn.init.normal_(self.head.weight, std=0.5)
        self.norm.running_mean.uniform_(-1, 1)
        self.norm.running_var.uniform_(0.5, 2)
        rows, columns = SIZE_HW[0] // STRIDE, SIZE_HW[1] // STRIDE
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        centres = torch.stack((x, y), dim=0).float().flatten(1) * STRIDE + STRIDE / 2
        self.register_buffer("centres", centres)

    def loss(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        return {"loss": self.head(self.stem(images)).mean()}

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        raw = self.head(nn.functional.relu6(self.norm(self.stem(images)))).flatten(2)
        half = raw[:, 2:4].clamp(-3, 3).exp() * STRIDE
        centre = self.centres + raw[:, :2] * STRIDE
        boxes = torch.cat((centre - half, centre + half), dim=1)
        pairs = raw[:, 4:].softmax(1)[:, 1:].flatten(1)
        scores, best = pairs.topk(self.top_k, dim=1)
        anchors = boxes.shape[2]
        labels = torch.div(best, anchors, rounding_mode="trunc")
        index = (best - labels * anchors)[:, None].expand(-1, 4, -1)
        return boxes.gather(2, index).transpose(1, 2), scores, labels
