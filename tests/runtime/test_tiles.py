import numpy as np
import pytest

from edgedet.runtime import Detections, ModelSpec
from edgedet.runtime.boxes import nms
from edgedet.runtime.detector import Detector
from edgedet.runtime.errors import UsageError
from edgedet.runtime.postprocess import Thresholds
from edgedet.runtime.tiled_detector import TiledDetector
from edgedet.runtime.tiles import Tiling, merge, tiles_of

SIDE = 64
THRESHOLDS = Thresholds(score=0.3, iou=0.5, max_detections=50)


@pytest.mark.parametrize("size_hw", [(480, 640), (1080, 1920), (7, 5), (1, 1), (101, 203)])
@pytest.mark.parametrize("grid", [(1, 1), (2, 2), (1, 3), (4, 2)])
@pytest.mark.parametrize("overlap", [0.0, 0.2, 0.5, 0.9])
def test_tiles_cover_the_frame_and_overlap_as_asked(size_hw, grid, overlap):
    tiles = tiles_of(size_hw, Tiling(grid, overlap, whole=False))
    assert len(tiles) == grid[0] * grid[1]
    assert len({(bottom - top, right - left) for left, top, right, bottom in tiles.tolist()}) == 1
    covered = np.zeros(size_hw, bool)
    for left, top, right, bottom in tiles.tolist():
        assert 0 <= left < right <= size_hw[1]
        assert 0 <= top < bottom <= size_hw[0]
        covered[top:bottom, left:right] = True
    assert covered.all()
    for first, second in zip(tiles.tolist(), tiles[1:].tolist()):
        if first[1] == second[1]:
            side = first[2] - first[0]
            assert first[2] - second[0] >= overlap * side - 1.5


def test_the_whole_frame_comes_last_unless_it_is_the_only_tile():
    assert tiles_of((480, 640), Tiling((2, 2))).tolist()[-1] == [0, 0, 640, 480]
    assert len(tiles_of((480, 640), Tiling((2, 2)))) == 5
    assert tiles_of((480, 640), Tiling((1, 1))).tolist() == [[0, 0, 640, 480]]


@pytest.mark.parametrize(
    ("tiling", "words"),
    [
        (Tiling((0, 2)), "1x1"),
        (Tiling((2, 2), 1.0), "overlap"),
        (Tiling((2, 2), -0.1), "overlap"),
        (Tiling((2, 2), float("nan")), "overlap"),
    ],
)
def test_a_tiling_out_of_range_is_refused(tiling, words):
    with pytest.raises(UsageError, match=words):
        TiledDetector(Detector(BlobBackend(), THRESHOLDS), tiling)


class BlobBackend:
    """Finds squares of one colour, whatever their size: as good on a tile as on the frame."""

    def __init__(self, batch=1):
        self.batch = batch
        self.calls = 0
        self.closed = False
        self.spec = ModelSpec(
            class_names=("red", "green"),
            size_hw=(SIDE, SIDE),
            color="BGR",
            resize="stretch",
            input_dtype="uint8",
            input_layout="NHWC",
        )

    def infer(self, batch):
        cv2 = pytest.importorskip("cv2")
        self.calls += 1
        boxes = np.zeros((len(batch), 20, 4), np.float32)
        scores = np.zeros((len(batch), 20), np.float32)
        labels = np.zeros((len(batch), 20), np.int64)
        for row, image in enumerate(batch):
            found = []
            for label, channel in enumerate((2, 1)):
                mask = (image[..., channel] > 127).astype(np.uint8)
                for left, top, width, height, _ in cv2.connectedComponentsWithStats(mask)[2][1:]:
                    # Parts look surer than the whole, as with real detectors they may.
                    score = 0.9 - width * height / (2.0 * SIDE * SIDE)
                    found.append(([left, top, left + width, top + height], score, label))
            found.sort(key=lambda each: -each[1])
            for k, (box, score, label) in enumerate(found[:20]):
                boxes[row, k], scores[row, k], labels[row, k] = box, score, label
        return boxes, scores, labels

    def close(self):
        self.closed = True


def _frame(*squares):
    """Squares as left, top, side, label; drawn in steps of 4, so that scaling stays exact."""
    image = np.zeros((256, 256, 3), np.uint8)
    for left, top, side, label in squares:
        image[top : top + side, left : left + side, 2 - label] = 255
    return image


def _tiled(tiling, batch=1):
    return TiledDetector(Detector(BlobBackend(batch), THRESHOLDS), tiling)


def _is(detections, squares):
    """Whether these squares were found, to a pixel of the network's input, which is 4 of these."""
    rows = zip(detections.boxes_xyxy.tolist(), detections.labels.tolist())
    found = sorted((label, box) for box, label in rows)
    there = sorted((label, [x, y, x + side, y + side]) for x, y, side, label in squares)
    return [label for label, _ in found] == [label for label, _ in there] and np.allclose(
        [box for _, box in found], [box for _, box in there], atol=4
    )


SQUARES = [(8, 8, 24, 0), (160, 40, 16, 1), (60, 180, 32, 0), (220, 220, 20, 1)]


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_objects_inside_a_tile_are_found_as_on_the_whole_frame(whole, batch):
    pytest.importorskip("cv2")
    frame = _frame(*SQUARES)
    with Detector(BlobBackend(), THRESHOLDS) as plain:
        assert _is(plain(frame), SQUARES)
    with _tiled(Tiling((2, 2), 0.25, whole), batch) as tiled:
        assert _is(tiled(frame), SQUARES)
        found = tiled.batch([frame, _frame(), frame])
        assert found[0] == found[2]
        assert _is(found[0], SQUARES)
        assert len(found[1]) == 0


def test_tiles_of_several_frames_share_a_batch():
    pytest.importorskip("cv2")
    tiled = _tiled(Tiling((2, 2)), batch=5)
    tiled.batch([_frame(), _frame()])
    assert tiled.backend.calls == 2


def test_an_object_across_the_border_is_found_once():
    pytest.importorskip("cv2")
    # 24 pixels on the middle of the frame; tiles of 144 overlap by 32: it is whole in each.
    # The other one is cut by two of them.
    for square in ((116, 116, 24, 0), (96, 40, 24, 0), (130, 200, 24, 1)):
        for whole in (True, False):
            found = _tiled(Tiling((2, 2), 0.25, whole))(_frame(square))
            assert _is(found, [square])


def test_a_large_object_is_found_whole_though_its_parts_look_surer():
    pytest.importorskip("cv2")
    squares = [(40, 40, 176, 0), (4, 4, 16, 0)]
    frame = _frame(*squares)
    assert _is(_tiled(Tiling((2, 2), 0.2))(frame), squares)
    # Without the whole frame there are only parts.
    assert len(_tiled(Tiling((2, 2), 0.2, whole=False))(frame)) == 5


def test_thresholds_are_those_of_the_detector_and_may_change():
    pytest.importorskip("cv2")
    tiled = _tiled(Tiling((2, 2), 0.25))
    assert tiled.thresholds == THRESHOLDS
    tiled.thresholds = THRESHOLDS._replace(max_detections=2)
    assert len(tiled(_frame(*SQUARES))) == 2
    tiled.thresholds = THRESHOLDS._replace(score=0.95)
    assert len(tiled(_frame(*SQUARES))) == 0


def test_closing_closes_the_backend():
    tiled = _tiled(Tiling((2, 2)))
    assert tiled.spec is tiled.backend.spec
    tiled.close()
    assert tiled.backend.closed


def test_boxes_of_one_tile_stand_beside_each_other():
    """NMS within a tile is the detector's; merging leaves what it left."""
    found = Detections([[10, 10, 50, 50], [10, 10, 50, 30]], [0.9, 0.8], [0, 0])
    tiles = np.array([[0, 0, 100, 100], [100, 0, 200, 100]])
    assert merge([found, Detections.empty()], tiles, 0.1, 300) == found


def test_without_cut_boxes_merging_is_nms_over_tiles():
    """Each box in a tile of its own, all of them as large as the frame: nothing is cut."""
    random = np.random.RandomState(0)
    count = 300
    corners = random.uniform(0, 200, (count, 2))
    boxes = np.concatenate([corners, corners + random.uniform(5, 60, (count, 2))], axis=1)
    boxes = boxes.astype(np.float32)
    scores = random.permutation(count).astype(np.float32) / count
    labels = random.randint(2, size=count)
    tiles = np.tile([[0, 0, 300, 300]], (count, 1))
    one = [slice(i, i + 1) for i in range(count)]
    found = [Detections(boxes[i], scores[i], labels[i]) for i in one]
    keep = nms(boxes, scores, labels, 0.4)
    assert merge(found, tiles, 0.4, count) == Detections(boxes[keep], scores[keep], labels[keep])


def test_other_classes_stay():
    tiles = np.array([[0, 0, 60, 100], [40, 0, 100, 100]])
    one = Detections([[40, 10, 60, 30]], [0.9], [0])
    other = Detections([[0, 10, 20, 30]], [0.8], [1])
    assert len(merge([one, other], tiles, 0.5, 300)) == 2
    assert len(merge([one, Detections([[0, 10, 20, 30]], [0.8], [0])], tiles, 0.5, 300)) == 1


def test_what_a_tile_is_sure_of_does_not_go_for_what_the_frame_hardly_shows():
    """As a tracker gets it, which asks for faint boxes as well."""
    tiles = np.array([[0, 0, 60, 100], [40, 0, 100, 100], [0, 0, 100, 100]])
    sure = Detections(np.array([[20, 10, 60, 80]], np.float32), np.float32([0.9]), np.array([0]))
    for score, expected in ((0.15, [0.9]), (0.5, [0.5])):
        box_xyxy = np.array([[18, 10, 85, 80]], np.float32)
        frame = Detections(box_xyxy, np.float32([score]), np.array([0]))
        found = merge([sure, Detections.empty(), frame], tiles, 0.5, 10)
        assert found.scores.tolist() == np.float32(expected).tolist()
