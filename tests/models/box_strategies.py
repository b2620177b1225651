"""Random boxes and targets for hypothesis."""

import torch
from hypothesis import strategies as st

from edgedet.models.targets import Target


@st.composite
def boxes_xyxy(draw, max_boxes: int = 6, side: int = 128, smallest: int = 2):
    """[n, 4] float32 boxes with integer corners inside a square image, so that ties occur."""
    rows = []
    for _ in range(draw(st.integers(0, max_boxes))):
        w, h = (draw(st.integers(smallest, side // 2)) for _ in range(2))
        x, y = draw(st.integers(0, side - w)), draw(st.integers(0, side - h))
        rows.append((x, y, x + w, y + h))
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)


@st.composite
def targets(draw, classes: int = 3, **kwargs):
    """A Target, possibly without objects."""
    boxes = draw(boxes_xyxy(**kwargs))
    n = len(boxes)
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n))
    return Target(boxes, torch.tensor(labels, dtype=torch.int64))


def no_objects() -> Target:
    """The Target of an empty image."""
    return Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))


def one_object(box_xyxy=(10.0, 12.0, 40.0, 36.0), label: int = 1) -> Target:
    """The Target of an image with one object."""
    return Target(torch.tensor([box_xyxy]), torch.tensor([label]))
