"""Faster R-CNN on a ResNet and a feature pyramid (Ren et al., 1506.01497), torchvision's."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.roi_heads import fastrcnn_loss

from edgedet.models.candidates import candidate_count
from edgedet.models.detector_options import detector_spec
from edgedet.models.targets import Target
from edgedet.models.torchvision_images import image_list, torchvision_targets
from edgedet.models.torchvision_options import ResnetFpnOptions
from edgedet.models.torchvision_trunks import RESNETS, BackboneTrunk, resnet_pyramid
from edgedet.models.trunk_networks import TrunkNetwork
from edgedet.runtime.errors import ModelError
from edgedet.runtime.spec import ModelSpec

PROPOSALS = 1000
"""Boxes of an image that the second stage looks at, at most, in prediction."""
FIRST_LABEL = 1
"""torchvision's number of our class 0; 0 is background."""


class FasterRcnn(nn.Module):
    """The parts of torchvision's network, called one after the other.

    N images, P proposals of all images together, C foreground classes, K candidates.
    """

    def __init__(
        self, spec: ModelSpec, network: FasterRCNN, trunk: BackboneTrunk, top_k: int
    ) -> None:
        super().__init__()
        self.spec = spec
        self.network: Any = network
        self.trunk = trunk
        self.top_k = top_k
        self.counts: dict[str, Tensor] = {}
        self.network.rpn.head.register_forward_hook(_in_float32)

    @property
    def trunk_network(self) -> TrunkNetwork:
        """The classifier that its backbone was cut from."""
        return self.trunk.network

    def take_trunk(self, network: nn.Module) -> None:
        """Copy what the backbone has of `network`, one of that kind."""
        self.trunk.copy(network, self.network.backbone)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return the maps of the pyramid, float32."""
        # bf16 counts pixels beyond 256 by twos; anchors take their type from the maps.
        return {name: maps.float() for name, maps in self.network.backbone(images).items()}

    def loss(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        """Return `classification` and `regression` of the second stage, `objectness` and
        `proposal_regression` of the first, as torchvision computes them.

        Both stages draw the anchors and proposals that they learn from at random. Ignored
        objects are background; see docs/models.md.
        """
        wanted = torchvision_targets(targets, FIRST_LABEL)
        maps, heads = self(images), self.network.roi_heads
        with _as_in_training(self.network.rpn, training=True):
            proposals, first = self.network.rpn(image_list(images), maps, wanted)
        proposals, _, labels, codes = heads.select_training_samples(proposals, wanted)
        classification, regression = fastrcnn_loss(
            *self._second_stage(maps, proposals), labels, codes
        )
        drawn = torch.cat(labels)
        self.counts = {"n_pos": (drawn > 0).sum(), "n_neg": (drawn == 0).sum()}
        return {
            "classification": classification,
            "regression": regression,
            "objectness": first["loss_objectness"],
            "proposal_regression": first["loss_rpn_box_reg"],
        }

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the K best (proposal, class) pairs before NMS; see `DetectionModel.predict`.

        An image with fewer is filled up with candidates of score 0. Raises ModelError when it is
        to become a graph.
        """
        if torch.onnx.is_in_onnx_export():
            raise ModelError(
                "a detector whose graph has static shapes",
                "Faster R-CNN, whose first stage passes on as many boxes as its NMS leaves",
                "train retinanet_r50_fpn for export; eval, predict and bench take this .pt",
            )
        maps = self(images)
        with _as_in_training(self.network.rpn, training=False):
            proposals, _ = self.network.rpn(image_list(images), maps)
        logits, codes = self._second_stage(maps, proposals)
        decoded = self.network.roi_heads.box_coder.decode(codes, proposals)
        boxes = decoded.view(*logits.shape, 4)  # which decode itself leaves out without proposals
        counts = [len(of_image) for of_image in proposals]
        images_of = (torch.split(values, counts) for values in (boxes, logits.softmax(dim=1)))
        found = [self._best(*of_image) for of_image in zip(*images_of, strict=True)]
        best, scores, labels = (torch.stack(values) for values in zip(*found, strict=True))
        return best, scores, labels

    def _second_stage(
        self, maps: dict[str, Tensor], proposals: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return class logits [P, C + 1] and box codes [P, 4 * (C + 1)], float32."""
        heads = self.network.roi_heads
        pooled = heads.box_roi_pool(maps, proposals, [self.spec.size_hw] * len(proposals))
        logits, codes = heads.box_predictor(heads.box_head(pooled))
        return logits.float(), codes.float()

    def _best(self, boxes_xyxy: Tensor, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return boxes [K, 4], scores [K] and labels [K] of one image.

        boxes_xyxy: [p, C + 1, 4], scores: [p, C + 1], both with background first.
        """
        classes = scores.shape[1] - 1
        wanted = candidate_count(self.top_k, PROPOSALS * classes)
        pairs = scores[:, 1:].flatten()
        best, rows = pairs.topk(min(wanted, len(pairs)))
        boxes = boxes_xyxy[:, 1:].flatten(0, 1)[rows]
        missing = wanted - len(rows)
        return (
            F.pad(boxes, (0, 0, 0, missing)),
            F.pad(best, (0, missing)),
            F.pad(rows % classes, (0, missing)),
        )


@contextmanager
def _as_in_training(stage: nn.Module, *, training: bool) -> Iterator[None]:
    """Let a stage alone, not what it is made of, act as in training, or as not in it."""
    before, stage.training = stage.training, training
    try:
        yield
    finally:
        stage.training = before


def _in_float32(_: nn.Module, __: object, outputs: tuple[list[Tensor], ...]) -> tuple[Any, ...]:
    return tuple([level.float() for level in levels] for levels in outputs)


def _faster_rcnn(trunk: str, class_names: tuple[str, ...], options: ResnetFpnOptions) -> FasterRcnn:
    network = FasterRCNN(
        resnet_pyramid(trunk, options),
        num_classes=len(class_names) + 1,
        rpn_post_nms_top_n_test=PROPOSALS,
    )
    return FasterRcnn(detector_spec(class_names, options), network, RESNETS[trunk], options.top_k)


def faster_rcnn_r50_fpn(class_names: tuple[str, ...], options: ResnetFpnOptions) -> FasterRcnn:
    """Build the detector on ResNet-50 for those foreground classes."""
    return _faster_rcnn("resnet50", class_names, options)


def faster_rcnn_r101_fpn(class_names: tuple[str, ...], options: ResnetFpnOptions) -> FasterRcnn:
    """Build the detector on ResNet-101 for those foreground classes."""
    return _faster_rcnn("resnet101", class_names, options)
