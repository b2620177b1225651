import json
from pathlib import Path

import pytest

from edgedet.runtime import ModelError
from edgedet.runtime.adapters.spec_file import UserSpec, read_spec_file
from edgedet.runtime.adapters.spec_place import spec_file_of

ANCHORS = {"grids": [[2, 3]], "aspect_ratios": [[2]], "scales": [0.2, 0.5]}


def read(tmp_path, text):
    path = tmp_path / "model.edgedet.json"
    path.write_text(text, encoding="utf-8")
    return read_spec_file(path)


def test_it_lies_beside_the_model():
    assert spec_file_of(Path("a/b.c.onnx")) == Path("a/b.c.edgedet.json")


def test_no_file_says_nothing(tmp_path):
    assert read_spec_file(tmp_path / "none.json") == UserSpec()


def test_what_it_says(tmp_path):
    values = {
        "schema_version": 1,
        "family": "ssd",
        "class_names": "coco91",
        "size_hw": [300, 300],
        "mean": [0, 0, 0],
        "candidates": 5,
        "outputs": {"boxes": "b"},
        "anchors": ANCHORS,
    }
    given = read(tmp_path, json.dumps(values))
    assert given == UserSpec(
        "ssd",
        "coco91",
        {"size_hw": (300, 300), "mean": (0, 0, 0)},
        5,
        {"boxes": "b"},
        {"anchors": ANCHORS},
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"schema_version": 2}, "schema_version 1 .* found 2"),
        ({}, "schema_version 1 .* found none"),
        ({"colour": "BGR"}, "did you mean 'color'"),
        ({"class_name": ["a"]}, "did you mean 'class_names'"),
        ({"zzz": 1}, "found 'zzz'; "),
        ({"family": "yolo8"}, "did you mean 'yolov8'"),
        ({"family": ["yolox"]}, "family to be one of"),
        ({"decoded": True}, "which goes with family yolox"),
        ({"family": "yolox", "reg_max": 7}, "which goes with family nanodet"),
        ({"family": "yolox", "decoded": "yes"}, "decoded to be one of True, False"),
        ({"family": "yolox", "strides": [8, 0]}, "strides to be"),
        ({"family": "yolox", "strides": []}, "strides to be"),
        ({"family": "nanodet", "reg_max": -1}, "reg_max to be"),
        ({"family": "nanodet", "reg_max": True}, "reg_max to be"),
        ({"family": "rows", "first_label": 2}, "first_label to be"),
        ({"family": "ssd", "anchors": {}}, "anchors to be"),
        ({"family": "ssd", "anchors": dict(ANCHORS, scales=[0.2])}, "anchors to be"),
        ({"family": "ssd", "anchors": dict(ANCHORS, steps=[1, 2])}, "anchors to be"),
        ({"family": "ssd", "anchors": dict(ANCHORS, grids=[[1.5, 2]])}, "anchors to be"),
        ({"family": "ssd", "weights": [1, 2]}, "weights to be four"),
        ({"class_names": []}, "class_names to be"),
        ({"class_names": ["a", "a"]}, "class_names to be"),
        ({"class_names": "coco"}, "or 'coco91'"),
        ({"class_names": 3}, "class_names to be"),
        ({"class_names": ["\ud83d"]}, "class_names to be"),
        ({"size_hw": [0, 3]}, "size_hw to be a height"),
        ({"size_hw": "big"}, "size_hw to be a height"),
        ({"color": "HSV"}, "color to be"),
        ({"resize": {}}, "resize to be"),
        ({"std": [0, 1, 1]}, "std to be"),
        ({"score_threshold": 2}, "score_threshold to be"),
        ({"candidates": 0}, "candidates to be"),
        ({"candidates": True}, "candidates to be"),
        ({"outputs": ["a"]}, "outputs to be"),
        ({"outputs": {"box": "a"}}, "outputs by table, boxes, scores, labels"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(tmp_path, values, message):
    values = values if not values or "schema_version" in values else dict(values, schema_version=1)
    with pytest.raises(ModelError, match=message) as caught:
        read(tmp_path, json.dumps(values))
    assert "\n" not in str(caught.value)
    assert "model.edgedet.json" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '"x"', "[" * 100000, " " * (1 << 20) + "{}", "__import__('os')"]
)
def test_other_text_is_refused(tmp_path, text):
    with pytest.raises(ModelError, match="model.edgedet.json"):
        read(tmp_path, text)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(ModelError, match="can be read"):
        read_spec_file(tmp_path)
