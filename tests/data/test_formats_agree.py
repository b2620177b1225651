"""The same boxes, written by hand in four formats, are read as the same boxes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_files import CLASSES, SIZE_HW, write_coco, write_visdrone, write_voc, write_yolo

from edgedet.data.opening import open_annotations
from edgedet.data.visdrone import CLASS_NAMES

WRITERS = {
    "coco": write_coco,
    "yolo": write_yolo,
    "voc": write_voc,
    "visdrone": write_visdrone,
}
LABELS = {
    "a": [(0, (0, 0, 80, 60)), (2, (10, 20, 30, 25))],
    "b": [],
    "c": [(1, (79, 59, 80, 60)), (0, (1, 2, 3, 4)), (2, (5, 6, 7, 8))],
}


@pytest.mark.parametrize("name", WRITERS)
def test_recognised_and_read(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path, LABELS)
    annotations = open_annotations(tmp_path, "train")
    assert annotations.format == name
    assert annotations.class_names == (CLASS_NAMES if name == "visdrone" else CLASSES)
    assert [image.path.stem for image in annotations.images] == list(LABELS)
    for image, objects in zip(annotations.images, LABELS.values(), strict=True):
        assert image.size_hw == SIZE_HW
        assert image.boxes_xyxy.dtype == np.float32
        assert image.labels.dtype == np.int64
        assert image.labels.tolist() == [label for label, _ in objects]
        assert not image.ignored.any()
        expected = np.array([box for _, box in objects], float).reshape(-1, 4)
        np.testing.assert_allclose(image.boxes_xyxy, expected, atol=1e-4)
    assert annotations.counts()[:3].tolist() == [2, 1, 2]


@st.composite
def boxes(draw: st.DrawFn) -> tuple[float, float, float, float]:
    xs = sorted(draw(st.sets(st.integers(0, 80), min_size=2, max_size=2)))
    ys = sorted(draw(st.sets(st.integers(0, 60), min_size=2, max_size=2)))
    return xs[0], ys[0], xs[1], ys[1]


objects = st.lists(st.tuples(st.integers(0, 2), boxes()), max_size=6)


@settings(max_examples=25, deadline=None)
@given(st.fixed_dictionaries({"a": objects, "b": objects}))
def test_any_whole_boxes_agree(tmp_path_factory: pytest.TempPathFactory, labels: dict) -> None:
    # VOC has no list of classes, so all are made to occur.
    labels = {
        "a": labels["a"],
        "b": labels["b"],
        "c": [(label, (0, 0, 1, 1)) for label in range(3)],
    }
    read = {}
    for name, write in WRITERS.items():
        folder = tmp_path_factory.mktemp(name)
        write(folder, labels)
        read[name] = open_annotations(folder, "train")
    for name in ("yolo", "voc", "visdrone"):
        for image, reference in zip(read[name].images, read["coco"].images, strict=True):
            np.testing.assert_allclose(image.boxes_xyxy, reference.boxes_xyxy, atol=1e-4)
            np.testing.assert_array_equal(image.labels, reference.labels)


unit = st.floats(0.02, 0.98)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(unit, unit, st.floats(0.001, 1), st.floats(0.001, 1)), max_size=5))
def test_yolo_round_trip(tmp_path_factory: pytest.TempPathFactory, rows: list) -> None:
    """Write -> read gives the boxes back, clipped to the image."""
    height, width = SIZE_HW
    stated = [
        ((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height)
        for x, y, w, h in rows
    ]
    folder = tmp_path_factory.mktemp("yolo")
    write_yolo(folder, {"a": [(0, box) for box in stated]})
    read = open_annotations(folder, "train").images[0].boxes_xyxy
    limit = [width, height, width, height]
    expected = np.clip(np.array(stated).reshape(-1, 4), 0, limit)
    np.testing.assert_allclose(read, expected, atol=1e-4)
