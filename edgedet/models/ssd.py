"""The single-shot detector: maps, heads, anchors, and one decode for training and export."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edgedet.models.candidates import best_pairs, gather_columns
from edgedet.models.feature_maps import SsdFeatureMaps
from edgedet.models.ssd_head import SsdHead
from edgedet.models.ssd_loss import SsdLoss
from edgedet.models.targets import Target
from edgedet.models.trunk import Trunk
from edgedet.models.trunk_networks import TRUNKS, TrunkNetwork
from edgedet.runtime.spec import ModelSpec


class Ssd(nn.Module):
    """An SSD over several maps. N images, A anchors, C foreground classes, K candidates.

    anchors_xyxy: [A, 4] px, level-major. class_weights: [C + 1] with background at 0.
    """

    anchors_xyxy: Tensor
    class_weights: Tensor

    def __init__(
        self,
        spec: ModelSpec,
        maps: SsdFeatureMaps,
        anchors_by_level: Sequence[Tensor],
        criterion: SsdLoss,
        class_weights: Tensor,
        top_k: int,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.maps = maps
        self.criterion = criterion
        self.top_k = top_k
        self.counts: dict[str, Tensor] = {}
        logits = len(spec.class_names) + 1
        cells = [len(a) for a in anchors_by_level]
        per_cell = [n // _cells(spec.size_hw, s) for n, s in zip(cells, maps.strides, strict=True)]
        self.heads = nn.ModuleList(
            SsdHead(channels, k, logits)
            for channels, k in zip(maps.channels, per_cell, strict=True)
        )
        self.register_buffer("anchors_xyxy", torch.cat(list(anchors_by_level)), persistent=False)
        self.register_buffer("class_weights", class_weights, persistent=False)

    @property
    def trunk_network(self) -> TrunkNetwork:
        """The network that its trunk was cut from."""
        return TRUNKS[self.maps.trunk.name]

    def take_trunk(self, network: nn.Module) -> None:
        """Copy what the trunk has of `network`, one of that kind."""
        trunk = self.maps.trunk
        cut = Trunk(trunk.name, trunk.taps, blocks=self.trunk_network.cut(network))
        trunk.load_state_dict(cut.state_dict())

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return `logits` [N, C + 1, A] and box `deltas` [N, 4, A]."""
        raw = [head(m) for head, m in zip(self.heads, self.maps(images), strict=True)]
        joined = torch.cat(raw, dim=2)
        return joined[:, :-4], joined[:, -4:]

    def loss(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        """Return `classification` and `regression`; see `SsdLoss`. Finite for empty images."""
        logits, deltas = (raw.float().transpose(1, 2) for raw in self(images))
        labels, boxes = self.criterion.assign(self.anchors_xyxy, targets)
        counted = labels >= 0
        logits, flat_labels = logits[counted], labels[counted]
        selected = self.criterion.sampler.select(logits, flat_labels, images=len(images))
        positive = labels > 0
        self.counts = {"n_pos": positive.sum(), "n_neg": selected.sum() - positive.sum()}
        anchors = self.anchors_xyxy.expand(len(images), -1, -1)
        return {
            "classification": self.criterion.classification(
                logits[selected], flat_labels[selected], self.class_weights
            ),
            "regression": self.criterion.regression(
                deltas[positive], boxes[positive], anchors[positive]
            ),
        }

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the K best candidates; see `DetectionModel.predict`."""
        logits, deltas = (raw.float() for raw in self(images))
        scores, labels, anchors = best_pairs(logits.softmax(dim=1)[:, 1:], self.top_k)
        codes = gather_columns(deltas, anchors)
        return self.criterion.code.decode(codes, self.anchors_xyxy[anchors]), scores, labels


def _cells(size_hw: tuple[int, int], stride: int) -> int:
    rows, columns = (-(-side // stride) for side in size_hw)
    return rows * columns
