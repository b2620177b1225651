from pathlib import Path

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from label_files import write_coco
from torch import Tensor

from edgedet.data.augment import build_augmentation
from edgedet.data.dataset import DetectionDataset
from edgedet.data.mosaic import MEETING, Sample, drawn_indices, mosaic
from edgedet.data.opening import open_annotations
from edgedet.models.targets import IGNORED_LABEL, Target
from edgedet.runtime.spec import ModelSpec

HEIGHT, WIDTH = 40, 60


def painted(number: int, boxes: list[tuple[int, int, int, int]]) -> Sample:
    """Image `number`: blue says the image, green the object, black is background."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[..., 0] = number + 1
    for index, (left, top, right, bottom) in enumerate(boxes):
        pixels[top:bottom, left:right, 1] = index + 1
    labels = torch.arange(len(boxes)) + 10 * number
    return Sample(pixels, Target(torch.tensor(boxes).float().reshape(-1, 4), labels))


def measured(pixels: np.ndarray, number: int, index: int) -> list[float]:
    """Slow reference: where the object's colour begins and ends."""
    mask = (pixels[..., 0] == number + 1) & (pixels[..., 1] == index + 1)
    rows, columns = np.nonzero(mask)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


FOUR = [
    painted(0, [(2, 2, 10, 12), (30, 20, 58, 38)]),
    painted(1, [(20, 5, 40, 25)]),
    painted(2, []),
    painted(3, [(0, 0, 60, 40)]),
]


@given(seed=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_boxes_follow_the_pixels_at_their_size(seed: int) -> None:
    torch.manual_seed(seed)
    pixels, (boxes, labels) = mosaic(FOUR)
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    for box, label in zip(boxes.tolist(), labels.tolist(), strict=True):
        assert box == measured(pixels, label // 10, label % 10)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_an_object_stays_exactly_when_its_centre_is_seen(seed: int) -> None:
    torch.manual_seed(seed)
    points = []
    for number in range(4):
        sample = painted(number, [(25, 15, 28, 18)])
        sample.pixels_bgr[16, 26, 2] = 255  # the pixel that holds the centre (26.5, 16.5)
        points.append(sample)
    pixels, target = mosaic(points)
    seen = {int(pixels[y, x, 0]) - 1 for y, x in zip(*np.nonzero(pixels[..., 2]), strict=True)}
    assert seen == {int(label) // 10 for label in target.labels}


def test_the_four_meet_in_one_point_in_the_middle_half() -> None:
    torch.manual_seed(0)
    for _ in range(50):
        image = mosaic(FOUR).pixels_bgr[..., 0]
        x, y = (int((line == 1).sum()) for line in (image[0], image[:, 0]))
        expected = np.empty_like(image)
        expected[:y, :x], expected[:y, x:], expected[y:, :x], expected[y:, x:] = 1, 2, 3, 4
        np.testing.assert_array_equal(image, expected)
        assert MEETING[0] - 0.02 <= x / WIDTH <= MEETING[1]
        assert MEETING[0] - 0.03 <= y / HEIGHT <= MEETING[1]


def test_ignored_objects_stay_ignored_and_empty_images_are_welcome() -> None:
    torch.manual_seed(0)
    crowd = Sample(FOUR[3].pixels_bgr, Target(torch.tensor([[0.0, 0, 60, 40]]), torch.tensor([-1])))
    target = mosaic([crowd] * 4).target
    assert (target.labels == IGNORED_LABEL).all()
    assert mosaic([FOUR[2]] * 4).target.boxes_xyxy.shape == (0, 4)


def test_own_image_comes_first() -> None:
    torch.manual_seed(0)
    drawn = [drawn_indices(5, 3) for _ in range(30)]
    assert {indices[0] for indices in drawn} == {3}
    assert {i for indices in drawn for i in indices[1:]} == set(range(5))


def test_in_a_data_set_it_is_a_function_of_seed_epoch_and_index(tmp_path: Path) -> None:
    labels = {name: [(0, (10, 10, 30, 30))] for name in "abcd"}
    annotations = open_annotations(write_coco(tmp_path, labels))
    spec = ModelSpec(class_names=annotations.class_names, size_hw=(60, 80))

    def make() -> DetectionDataset:
        return DetectionDataset(
            annotations, spec, build_augmentation(["mosaic", "hflip"]), with_mosaic=True, seed=1
        )

    def boxes(dataset: DetectionDataset, epoch: int) -> Tensor:
        return dataset[(epoch, 0)][1].boxes_xyxy

    first = [boxes(make(), epoch) for epoch in range(20)]
    again = [boxes(make(), epoch) for epoch in reversed(range(20))][::-1]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert len({tuple(b.flatten().tolist()) for b in first}) > 5
