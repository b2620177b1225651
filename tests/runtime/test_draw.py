import numpy as np
import pytest

from edgedet.runtime import Detections
from edgedet.runtime.draw import draw, draw_text, label_color, pen_for


def test_labels_have_colors_that_people_can_tell_apart():
    colors = np.array([label_color(i) for i in range(12)], float)
    apart = np.abs(colors[:, None] - colors[None]).max(axis=2)
    assert apart[np.triu_indices(12, 1)].min() > 25
    assert colors.min() >= 0
    assert colors.max() <= 255
    assert [label_color(i) for i in range(12)] == [label_color(i) for i in range(12)]
    assert all(isinstance(channel, int) for channel in label_color(3))


@pytest.mark.parametrize("size", [(40, 60), (480, 640), (2160, 3840)])
def test_a_box_is_drawn_on_a_copy_in_the_color_of_its_label(size):
    pytest.importorskip("cv2")
    height, width = size
    image = np.zeros((height, width, 3), np.uint8)
    box = [width // 4, height // 4, width * 3 // 4, height * 3 // 4]
    drawn = draw(image, Detections([box], [0.5], [1]), ("a", "b"))
    assert not image.any()
    assert drawn.shape == image.shape
    assert tuple(drawn[box[3], width // 2]) == label_color(1)
    assert not drawn[height // 2, width // 2].any()


def test_a_larger_image_gets_larger_text():
    pytest.importorskip("cv2")

    def inked(side):
        found = Detections([[0, 0, 0, 0]], [0.5], [0])
        return draw(np.zeros((side, side, 3), np.uint8), found, ("car",)).any(axis=2).sum()

    assert inked(1920) > 6 * inked(640)


def test_half_a_character_is_drawn_as_a_question_mark():
    """OpenCV would end the process at it."""
    pytest.importorskip("cv2")
    pictures = []
    for text in ("gate\ud83d", "gate?"):
        canvas = np.zeros((60, 200, 3), np.uint8)
        draw_text(canvas, pen_for(canvas), (5, 40), text, (0, 215, 255))
        pictures.append(canvas)
    np.testing.assert_array_equal(*pictures)


def test_boxes_at_and_beyond_the_rim_draw_without_error():
    pytest.importorskip("cv2")
    image = np.zeros((50, 50, 3), np.uint8)
    rim = Detections(
        [[-20, -20, 10, 10], [45, 45, 90, 90], [0, 0, 50, 50]], [0.9, 0.8, 0.7], [0, 1, 2]
    )
    assert draw(image, rim, ("a", "b", "a very long class name")).any()


def test_nothing_found_changes_nothing():
    pytest.importorskip("cv2")
    image = np.random.RandomState(0).randint(0, 256, (20, 30, 3)).astype(np.uint8)
    np.testing.assert_array_equal(draw(image, Detections.empty(), ()), image)
