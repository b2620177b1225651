"""SSD heads as they leave the network: offsets from default boxes, and logits of each class.

Liu et al. 2016, arXiv:1512.02325; the variances are those of TorchVision's box coder.
"""

from typing import TYPE_CHECKING, Any, Optional, Sequence, Tuple

import numpy as np

from ..candidates import Candidates
from .default_boxes import (
    SSD300_VGG16,
    SSDLITE320,
    are_layout_values,
    default_boxes,
    layout_from,
    layout_values,
    layouts_for,
)
from .family import (
    Decode,
    Evidence,
    Family,
    Found,
    Option,
    centred_to_corners,
    sides_of,
    table_and_scores,
)
from .selection import best_pairs
from .value_facts import are_scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

PUBLISHED = {
    SSD300_VGG16: {"mean": (0.48235, 0.45882, 0.40784), "std": (1 / 255,) * 3},
    SSDLITE320: {"mean": (0.5,) * 3, "std": (0.5,) * 3},
}
"""TorchVision's layouts, and what their networks take."""
WEIGHTS = (10.0, 10.0, 5.0, 5.0)
MOST_LOG = float(np.log(1000 / 16))
"""TorchVision lets no side grow by more."""
PREPROCESSING = {"resize": "stretch", "nms_iou": 0.45}


def recognise(evidence: Evidence) -> Optional[Found]:
    """Offsets [n,4] and logits [n,1+classes], as many as a known layout of default boxes has."""
    known = table_and_scores(evidence)
    if known is None or are_scores(known[2]):
        return None
    outputs, offsets, logits = known
    given = evidence.options.get("anchors")
    layouts = [layout_from(given)] if given else layouts_for(len(offsets), tuple(PUBLISHED))
    classes = logits.shape[1] - 1
    if not layouts or layouts[0].total != len(offsets):
        return None
    if classes < 1 or evidence.classes not in (None, classes):
        return None
    weights = evidence.options.get("weights") or WEIGHTS
    options = {"anchors": layout_values(layouts[0]), "weights": tuple(weights)}
    return Found(
        outputs,
        classes,
        options,
        ("logits, and offsets from {} default boxes".format(len(offsets)),),
        ("TorchVision's layout of them", "column 0 of the logits is the background"),
        PUBLISHED.get(layouts[0], {}),
    )


def decoder(found: Found, size_hw: Tuple[int, int], count: int) -> Decode:
    """Centre and size relative to the default box, over weights; softmax over the classes."""
    anchors = default_boxes(layout_from(found.options["anchors"]), size_hw)
    weights = np.array(found.options["weights"], np.float32)
    width, most = (found.classes or 0) + 1, sides_of(size_hw)

    def decode(outputs: Sequence[Any]) -> Candidates:
        pairs = best_pairs(_softmax(outputs[1].reshape(-1, width))[:, 1:], count)
        offsets = outputs[0].reshape(-1, 4)[pairs.anchors] / weights
        anchor = anchors[pairs.anchors]
        centres = offsets[:, :2] * anchor[:, 2:] + anchor[:, :2]
        sides = np.exp(np.minimum(offsets[:, 2:], MOST_LOG)) * anchor[:, 2:]
        boxes = centred_to_corners(np.concatenate([centres, sides], axis=1))
        return Candidates(np.clip(boxes, 0, most), pairs.scores, pairs.labels)

    return decode


def _softmax(logits: "NDArray[np.floating]") -> "NDArray[np.floating]":
    shares: "NDArray[np.floating]" = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def _are_four_above_zero(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 4
        and all(isinstance(each, (int, float)) and each > 0 for each in value)
    )


SSD = Family(
    name="ssd",
    form="offsets [1, anchors, 4] and logits [1, anchors, 1+classes]",
    preprocessing=PREPROCESSING,
    options={
        "anchors": Option(
            "grids, aspect_ratios and scales (one more), and steps or null, of each level",
            are_layout_values,
        ),
        "weights": Option("four numbers above 0", _are_four_above_zero),
    },
    recognise=recognise,
    decoder=decoder,
)
