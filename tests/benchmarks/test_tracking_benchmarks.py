"""benchmarks/tiles.py and tracker_contenders.py: they run, and their helpers do what they say."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def benchmarks(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(repo / "benchmarks"))


def _data(folder: Path, class_name: str) -> Path:
    """Four images in COCO's form, each with one box."""
    cv2 = pytest.importorskip("cv2")
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    images, boxes = [], []
    for number in range(4):
        name = f"{number}.png"
        cv2.imwrite(str(folder / "images" / name), np.full((48, 64, 3), 40 * number, np.uint8))
        images.append({"id": number, "file_name": name, "width": 64, "height": 48})
        boxes.append({"id": number, "image_id": number, "category_id": 1, "bbox": [8, 4, 20, 10]})
    document = {
        "images": images,
        "annotations": [dict(box, area=200, iscrowd=0) for box in boxes],
        "categories": [{"id": 1, "name": class_name}],
    }
    (folder / "annotations" / "val.json").write_text(json.dumps(document))
    return folder


@pytest.mark.usefixtures("benchmarks")
def test_a_mosaic_holds_its_images_and_their_boxes(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools")
    import tiles

    from edgedet.data.opening import open_annotations

    images = open_annotations(str(_data(tmp_path / "data", "thing")), "val").images
    ((frame, labelled),) = list(tiles.mosaics(images, (2, 2)))
    assert frame.shape == (96, 128, 3)
    assert frame[::48, ::64, 0].tolist() == [[0, 40], [80, 120]]
    assert labelled.size_hw == (96, 128)
    assert labelled.boxes_xyxy.tolist() == [
        [8, 4, 28, 14],
        [72, 4, 92, 14],
        [8, 52, 28, 62],
        [72, 52, 92, 62],
    ]


@pytest.mark.usefixtures("benchmarks")
def test_tiles_prints_a_table(
    repo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("pycocotools")
    pytest.importorskip("onnxruntime")
    import tiles

    from edgedet.runtime import open_detector

    model = repo / "tests" / "golden" / "tiny_detector.onnx"
    with open_detector(model) as detector:
        name = detector.spec.class_names[0]
    data = _data(tmp_path / "data", name)
    words = ["tiles.py", str(model), "--data", str(data), "--tiles", "2x2", "--mosaic", "2x2"]
    monkeypatch.setattr(sys, "argv", words)
    tiles.main()
    rows = [line.split("|")[1].strip() for line in capsys.readouterr().out.splitlines()]
    assert rows[2:] == ["the frame", "2x2 tiles", "2x2 tiles and the frame"]


@pytest.mark.usefixtures("benchmarks")
def test_our_tracker_is_timed() -> None:
    import tracker_contenders

    assert tracker_contenders.speed_ms(tracker_contenders.CONTENDERS["ours"](), 5) > 0


@pytest.mark.usefixtures("benchmarks")
def test_ids_are_numbered_for_trackeval() -> None:
    import tracker_contenders

    ids = [np.array([7, 3]), np.array([], np.int64), np.array([3, 90])]
    numbered, count = tracker_contenders._numbered(ids)
    assert [each.tolist() for each in numbered] == [[1, 0], [], [0, 2]]
    assert count == 3
