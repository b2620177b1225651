import numpy as np
import pytest
from labelled_cases import annotations, labelled

from edgedet.data.dataset import target_of
from edgedet.runtime.preprocess import resize
from edgedet.runtime.spec import ModelSpec
from edgedet.scales.objects import place_objects


@pytest.mark.parametrize("rule", ["stretch", "letterbox"])
def test_objects_are_what_training_learns(rule):
    """Against the dataset, which gets its placement from a resized picture."""
    pytest.importorskip("cv2")
    rng = np.random.default_rng(3)
    images = []
    for number, size_hw in enumerate([(300, 400), (90, 31), (64, 64)]):
        low = rng.uniform(0, 20, (30, 2))
        boxes = np.concatenate([low, low + rng.uniform(0.3, 10, (30, 2))], axis=1)
        ignored = rng.random(30) < 0.2
        images.append(labelled(boxes, rng.integers(0, 2, 30), ignored, size_hw, f"{number}.png"))
    found = place_objects(annotations(*images, classes=("a", "b")), 64, rule)
    spec = ModelSpec(("a", "b"), (64, 64), resize=rule)
    for number, image in enumerate(images):
        _, placement = resize(np.zeros((*image.size_hw, 3), np.uint8), spec)
        target = target_of(image, placement)
        learnt = (target.labels >= 0).numpy()
        here = found.image == number
        np.testing.assert_allclose(found.boxes_xyxy[here], target.boxes_xyxy.numpy()[learnt])
        assert (found.labels[here] == target.labels.numpy()[learnt]).all()
    of_all = sum((~image.ignored).sum() for image in images)
    assert 0 < len(found.vanished_sides) == of_all - len(found.labels)


def test_sizes_of_one_object_by_hand():
    """60 x 20 px in an image of 300 x 400 px, stretched to 512 px."""
    objects = place_objects(annotations(labelled([[10, 10, 70, 30]], size_hw=(300, 400))), 512)
    assert objects.sizes_wh[0] == pytest.approx([60 * 1.28, 20 * 512 / 300])
    assert objects.sides[0] == pytest.approx(np.sqrt(60 * 1.28 * 20 * 512 / 300))
    assert objects.ratios[0] == pytest.approx(3 * 300 / 400)
    assert objects.relative_diagonal[0] == pytest.approx(np.hypot(60, 20) / 500)
    assert objects.longest_side == 400


def test_counts_by_image_and_class():
    first = labelled([[0, 0, 9, 9], [0, 0, 8, 8]], [1, 1])
    objects = place_objects(
        annotations(first, labelled([]), labelled([[0, 0, 5, 5]], [0]), classes=("a", "b", "c")),
        512,
    )
    assert objects.per_image().tolist() == [2, 0, 1]
    assert objects.per_class().tolist() == [1, 2, 0]


def test_diagonals_of_real_pears(shared_data):
    """Against the README of the data, which counted both parts: p5, p50, p95."""
    from edgedet.data.opening import open_annotations

    parts = [
        place_objects(open_annotations(shared_data / "det_pear640", split), 512)
        for split in ("train", "val")
    ]
    diagonals = np.concatenate([part.relative_diagonal for part in parts])
    assert np.percentile(diagonals, (5, 50, 95)) == pytest.approx([0.045, 0.067, 0.100], abs=6e-4)
