import numpy as np
import pytest

from edgedet.runtime import Detections
from edgedet.runtime.camera.seen import ZoneCount
from edgedet.runtime.draw import draw
from edgedet.runtime.tracking.zone import zones_from
from edgedet.runtime.tracking.zone_drawing import COLOR, draw_zones, text_of

pytest.importorskip("cv2")
ZONES = zones_from(
    [
        {"name": "gate", "line": [[0.2, 0.5], [0.8, 0.5]]},
        {"name": "yard", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]},
    ],
    ("car",),
)
COUNTS = (ZoneCount("gate", (), (3,), (1,)), ZoneCount("yard", (2,), (5,), (3,)))


@pytest.mark.parametrize("size", [(48, 64), (480, 640), (1080, 1920)])
def test_zones_are_drawn_where_they_are(size):
    height, width = size
    canvas = np.zeros(size + (3,), np.uint8)
    draw_zones(canvas, ZONES, COUNTS)
    assert tuple(canvas[height // 2, int(width * 0.75)]) == COLOR
    assert tuple(canvas[height // 2, width - 1]) == COLOR
    assert tuple(canvas[height - 1, width // 3]) == COLOR
    # The arrow points to where objects pass, which is down.
    rows = canvas[:, width // 2].any(axis=1)
    assert rows[height // 2 : height // 2 + max(2, height // 40)].all()
    assert not canvas[int(height * 0.8), int(width * 0.3)].any()


def test_counts_are_read_as_in_and_out():
    assert [text_of(count) for count in COUNTS] == ["gate +3 -1", "yard 2 +5 -3"]


def test_the_track_stands_before_the_class():
    image = np.zeros((200, 300, 3), np.uint8)
    found = Detections([[50, 50, 100, 100], [150, 50, 200, 100]], [0.9, 0.8], [0, 0])
    plain = draw(image, found, ("car",))
    same = draw(image, found, ("car",), np.array([-1, -1]))
    marked = draw(image, found, ("car",), np.array([12, -1]))
    assert (plain == same).all()
    changed = np.flatnonzero((plain != marked).any(axis=(0, 2)))
    assert len(changed) > 0
    assert changed.max() < 150
