from pathlib import Path

import numpy as np
import pytest

from edgedet.runtime import (
    Detections,
    Detector,
    ModelError,
    ModelSpec,
    UsageError,
    open_detector,
)
from edgedet.runtime.postprocess import Thresholds

pytest.importorskip("cv2")

TINY = Path(__file__).parent.parent / "golden" / "tiny_detector.onnx"
SPEC = ModelSpec(
    class_names=("dot",),
    size_hw=(16, 16),
    input_dtype="uint8",
    input_layout="NHWC",
    color="BGR",
    score_threshold=0.1,
)


class BrightestPixel:
    """A backend of batch 3: one candidate per image, a pixel box, its score the brightness."""

    spec = SPEC
    batch = 3

    def __init__(self):
        self.closed = False
        self.calls = 0

    def infer(self, batch):
        assert batch.shape == (3, 16, 16, 3)
        self.calls += 1
        grey = batch.max(axis=3).reshape(3, -1)
        rows, columns = np.divmod(grey.argmax(axis=1), 16)
        boxes_xyxy = np.stack([columns, rows, columns + 1, rows + 1], axis=1).astype(np.float32)
        scores = (grey.max(axis=1) / 255).astype(np.float32)
        return boxes_xyxy[:, None], scores[:, None], np.zeros((3, 1), np.int64)

    def close(self):
        self.closed = True


def _dot(x, y, value=255, side=32):
    image = np.zeros((side, side, 3), np.uint8)
    image[2 * y : 2 * y + 2, 2 * x : 2 * x + 2] = value
    return image


def test_one_frame_in_pixels_of_the_frame():
    found = Detector(BrightestPixel())(_dot(3, 5))
    assert found == Detections([[6, 10, 8, 12]], [1.0], [0])


def test_a_batch_is_the_frames_one_by_one():
    detector = Detector(BrightestPixel())
    images = [_dot(i, i + 1, value=100 + 20 * i) for i in range(7)]
    alone = [detector(image) for image in images]
    detector.backend.calls = 0
    assert detector.batch(images) == alone
    assert detector.backend.calls == 3
    assert detector.batch([]) == []


def test_the_stages_are_the_call():
    detector = Detector(BrightestPixel())
    image = _dot(3, 5)
    batch, placement = detector.preprocess(image, row=2)
    outputs = detector.infer(batch)
    assert detector.postprocess(outputs, 2, placement) == detector(image)


def test_detections_outlive_the_buffers():
    detector = Detector(BrightestPixel())
    first = detector(_dot(3, 5))
    detector(_dot(9, 9))
    assert first == Detections([[6, 10, 8, 12]], [1.0], [0])


def test_the_detector_closes_its_backend():
    backend = BrightestPixel()
    with Detector(backend) as detector:
        assert not backend.closed
    assert detector.backend.closed


def test_a_closed_detector_says_so():
    with Detector(BrightestPixel()) as detector:
        stream = detector.stream([_dot(1, 1)] * 4)
        next(stream)
    for use in (detector, detector.preprocess, lambda image: detector.batch([image])):
        with pytest.raises(ValueError, match="closed"):
            use(_dot(3, 5))
    with pytest.raises(ValueError, match="closed"):
        list(stream)


def test_the_spec_gives_the_thresholds_unless_others_are_given():
    dim = _dot(1, 1, value=51)
    assert len(Detector(BrightestPixel())(dim)) == 1
    assert len(Detector(BrightestPixel(), Thresholds(0.5, 0.5, 10))(dim)) == 0


@pytest.mark.parametrize("image", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3))])
def test_what_is_no_frame_is_refused(image):
    with pytest.raises(ValueError, match="uint8"):
        Detector(BrightestPixel())(image)


# open_detector, with the committed model


@pytest.fixture
def blue_cell():
    """Frame 64 x 96 with the cell in row 1, column 2 of the 4 x 4 grid blue on grey."""
    image = np.full((64, 96, 3), 60, np.uint8)
    image[16:32, 48:72] = (255, 200, 200)
    return image


def test_open_detector_finds_the_blue_cell(blue_cell):
    pytest.importorskip("onnxruntime")
    with open_detector(TINY, conf=0.5, threads=1) as detector:
        found = detector(blue_cell)
    assert found.labels.tolist() == [1]
    assert found.boxes_xyxy.tolist() == [[48, 16, 72, 32]]
    assert found.scores[0] == pytest.approx(655 / 765, abs=0.02)


def test_open_detector_passes_its_thresholds_on(blue_cell):
    pytest.importorskip("onnxruntime")
    with open_detector(str(TINY)) as detector:
        assert detector.thresholds == Thresholds(0.25, 0.5, 300)
    with open_detector(TINY, conf=0.0, iou=0.7, max_detections=5) as detector:
        assert detector.thresholds == Thresholds(0.0, 0.7, 5)
        assert len(detector(blue_cell)) == 5


@pytest.mark.parametrize("flags", [{"conf": 1.1}, {"conf": -1}, {"iou": 2}, {"max_detections": 0}])
def test_thresholds_out_of_range_are_usage_errors(flags):
    pytest.importorskip("onnxruntime")
    with pytest.raises(UsageError, match=list(flags)[0]):
        open_detector(TINY, **flags)


def test_other_files_are_refused_by_their_suffix():
    with pytest.raises(ModelError, match=r"\.onnx or \.engine"):
        open_detector("model.pth")


def test_an_engine_runs_on_the_gpu_and_takes_no_threads():
    with pytest.raises(ModelError, match=r"an engine at absent\.engine"):
        open_detector("absent.engine")
    with pytest.raises(UsageError, match="no threads"):
        open_detector("absent.engine", threads=2)


def test_a_stream_is_the_frames_one_by_one():
    detector = Detector(BrightestPixel())
    images = [_dot(i, i + 1, value=100 + 20 * i) for i in range(7)]
    assert list(detector.stream(iter(images))) == [detector(image) for image in images]
    assert list(detector.stream([])) == []


def test_a_photograph_goes_all_the_way(shared_data):
    pytest.importorskip("onnxruntime")
    from edgedet.runtime.images import read_image

    image = read_image(sorted((shared_data / "det_pear640").rglob("*.jpg"))[0])
    with open_detector(TINY, conf=0.05) as detector:
        found = detector(image)
    assert len(found) > 0
    height, width = image.shape[:2]
    assert (found.boxes_xyxy >= 0).all()
    assert (found.boxes_xyxy <= [width, height, width, height]).all()
