import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import box_iou

from edgedet.models.anchors import grid_anchors
from edgedet.scales.best_iou import GridShape, best_ious

SHAPES = st.builds(
    GridShape, st.floats(1, 90), st.floats(1, 90), st.sampled_from((4, 8, 16, 32, 64, 128))
)
BOXES = st.tuples(st.floats(-20, 120), st.floats(-20, 120), st.floats(0.5, 90), st.floats(0.5, 90))


def brute_force(boxes, shape, imgsz):
    wh = torch.tensor([[shape.width, shape.height]], dtype=torch.float64)
    anchors = grid_anchors((imgsz, imgsz), shape.stride, wh)
    return box_iou(torch.tensor(boxes), anchors.double()).amax(dim=1).numpy()


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(BOXES, min_size=1, max_size=8),
    shapes=st.lists(SHAPES, min_size=1, max_size=3),
    imgsz=st.sampled_from((64, 100, 128)),
)
def test_it_is_the_best_of_all_anchors(rows, shapes, imgsz):
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in rows])
    slow = np.stack([brute_force(boxes, shape, imgsz) for shape in shapes], axis=1)
    np.testing.assert_allclose(best_ious(boxes, shapes, imgsz), slow, atol=1e-6)


# Section 9.3: worst and mean over placements. Two of its means are misprints: .591 and .715.
EXAMPLE = {
    12: (0.230, 0.230),
    15: (0.360, 0.360),
    20: (0.501, 0.612),
    25: (0.545, 0.738),
    38: (0.453, 0.676),
    58: (0.429, 0.604),
    71: (0.389, 0.587),
    87: (0.412, 0.538),
    110: (0.290, 0.495),
    140: (0.324, 0.380),
}
PAPER = [GridShape(s, s, d) for s, d in ((25, 8), (38, 16), (58, 32), (87, 64))]


@pytest.mark.parametrize("side", EXAMPLE)
def test_worked_example_9_3(side):
    """Placements one pixel apart over a period of all grids, where no border is near."""
    offsets = np.arange(192, 256, dtype=np.float64)
    x, y = np.meshgrid(offsets, offsets)
    low = np.stack([x.ravel(), y.ravel()], axis=1) - side / 2
    best = best_ious(np.concatenate([low, low + side], axis=1), PAPER, 512).max(axis=1)
    worst, mean = EXAMPLE[side]
    assert best.min() == pytest.approx(worst, abs=6e-4)
    assert best.mean() == pytest.approx(mean, abs=4e-3)


def test_no_boxes():
    assert best_ious(np.zeros((0, 4)), PAPER, 512).shape == (0, 4)
