"""torchvision's one-stage detectors behind our protocol: every anchor is a candidate."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import box_iou

from edgedet.models.candidates import best_pairs, gather_columns
from edgedet.models.targets import Target
from edgedet.models.torchvision_images import torchvision_targets
from edgedet.models.torchvision_trunks import BackboneTrunk
from edgedet.models.trunk_networks import TrunkNetwork
from edgedet.runtime.spec import ModelSpec

BACKGROUND = -1
"""What torchvision's matchers say of an anchor that answers for no object."""


class DenseRules(Protocol):
    """In what RetinaNet and SSD differ. N images, A anchors, C foreground classes, L logits."""

    strides: tuple[int, ...]
    """Of the maps that the heads read, finest first."""
    first_label: int
    """torchvision's number of our class 0."""
    smallest_batch: int
    """Images that a forward pass in training needs at least."""

    def scores(self, logits: Tensor) -> Tensor:
        """Return the foreground scores [N, C, A] of logits [N, A, L]."""
        ...

    def criterion(self, network: Any) -> Callable[..., dict[str, Tensor]]:
        """Return torchvision's function from targets, outputs, anchors [A, 4] of each image, and
        the object that each answers for [A], to `classification` and `bbox_regression`.
        """
        ...

    def negatives(self, matched: Tensor) -> Tensor:
        """Return how many background anchors of `matched` [N, A] the loss counts."""
        ...


class DenseDetector(nn.Module):
    """A one-stage network of torchvision: its backbone, head, anchors, matcher, loss, box code.

    N images, A anchors, C foreground classes, L logits, K candidates.
    """

    anchors_xyxy: Tensor

    def __init__(
        self,
        spec: ModelSpec,
        network: Any,
        rules: DenseRules,
        trunk: BackboneTrunk,
        top_k: int,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.network = network
        self.rules = rules
        self.trunk = trunk
        self.top_k = top_k
        self.counts: dict[str, Tensor] = {}
        anchors = _anchors(network.anchor_generator, spec.size_hw, rules.strides)
        self.register_buffer("anchors_xyxy", anchors, persistent=False)

    @property
    def trunk_network(self) -> TrunkNetwork:
        """The classifier that its backbone was cut from."""
        return self.trunk.network

    def take_trunk(self, network: nn.Module) -> None:
        """Copy what the backbone has of `network`, one of that kind."""
        self.trunk.copy(network, self.network.backbone)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return `cls_logits` [N, A, L] and `bbox_regression` [N, A, 4], both float32."""
        outputs = self.network.head(list(self.network.backbone(images).values()))
        return {name: output.float() for name, output in outputs.items()}

    def loss(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        """Return `classification` and `regression` as torchvision computes them.

        Ignored objects are background; see docs/models.md.
        """
        given = len(images)
        if self.training and given < self.rules.smallest_batch:
            # The same image again: all terms are means, so the loss is that of one.
            images, targets = torch.cat([images, images]), [*targets, *targets]
        wanted = torchvision_targets(targets, self.rules.first_label)
        matched = [self._matched(target["boxes"]) for target in wanted]
        anchors = [self.anchors_xyxy] * len(matched)
        terms = self.rules.criterion(self.network)(wanted, self(images), anchors, matched)
        owners = torch.stack(matched[:given])
        self.counts = {"n_pos": (owners >= 0).sum(), "n_neg": self.rules.negatives(owners)}
        return {
            "classification": terms["classification"],
            "regression": terms["bbox_regression"],
        }

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the K best candidates; see `DetectionModel.predict`.

        torchvision cuts boxes off at the border of the input before NMS; here they are cut off
        at the border of the frame, after it.
        """
        outputs = self(images)
        class_scores = self.rules.scores(outputs["cls_logits"])
        scores, labels, anchors = best_pairs(class_scores, self.top_k)
        codes = gather_columns(outputs["bbox_regression"].transpose(1, 2), anchors)
        boxes: Tensor = self.network.box_coder.decode_single(
            codes.flatten(0, 1), self.anchors_xyxy[anchors.flatten()]
        )
        return boxes.view(*scores.shape, 4), scores, labels

    def _matched(self, boxes_xyxy: Tensor) -> Tensor:
        """Return for each anchor the row of its object, or a negative number."""
        if len(boxes_xyxy) == 0:
            return self.anchors_xyxy.new_full((len(self.anchors_xyxy),), BACKGROUND).long()
        found: Tensor = self.network.proposal_matcher(box_iou(boxes_xyxy, self.anchors_xyxy))
        return found


def _anchors(generator: Any, size_hw: tuple[int, int], strides: Sequence[int]) -> Tensor:
    """Return the generator's anchors [A, 4] in px for maps of these strides."""
    # It reads nothing but the sizes of its inputs.
    maps = [torch.empty(1, 1, *(-(-side // stride) for side in size_hw)) for stride in strides]
    anchors: Tensor = generator(ImageList(torch.empty(1, 1, *size_hw), [size_hw]), maps)[0]
    return anchors
