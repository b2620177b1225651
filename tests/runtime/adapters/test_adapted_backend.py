"""Files of other people in ONNX Runtime, from opening to detections."""

import json
import logging

import foreign_models
import made_outputs
import numpy as np
import pytest
import slow_decoders

from edgedet.runtime import ModelError, open_detector
from edgedet.runtime.adapters.adapted_backend import AdaptedBackend

pytest.importorskip("onnxruntime")
pytest.importorskip("cv2")

SIZE = (96, 160)
INPUT = (1, 3) + SIZE


def yolox(tmp_path, classes=3, shape=INPUT, **more):
    table = made_outputs.raw_yolox(SIZE, classes)
    path = tmp_path / "m.onnx"
    return foreign_models.write_model(path, {"out": table[None]}, shape, **more), table


def say(tmp_path, **values):
    (tmp_path / "m.edgedet.json").write_text(json.dumps(dict(values, schema_version=1)))


def test_outputs_have_the_documented_form(tmp_path):
    path, table = yolox(tmp_path)
    with AdaptedBackend(path) as backend:
        assert backend.batch == 1
        boxes, scores, labels = backend.infer(np.zeros(INPUT, np.float32))
        backend.run_only()
    assert (boxes.shape, scores.shape, labels.shape) == ((1, 1000, 4), (1, 1000), (1, 1000))
    assert (boxes.dtype, scores.dtype, labels.dtype) == (np.float32, np.float32, np.int64)
    slow = slow_decoders.yolox(table, SIZE, (8, 16, 32), decoded=False)
    expected_boxes, expected_scores, expected_labels = slow_decoders.best(slow, 1000)
    used = len(expected_scores)
    assert 0 < used < 1000
    np.testing.assert_allclose(scores[0, :used], expected_scores, rtol=1e-4)
    np.testing.assert_allclose(boxes[0, :used], expected_boxes, atol=0.01, rtol=1e-4)
    np.testing.assert_array_equal(labels[0, :used], expected_labels)
    for rest in (boxes, scores, labels):
        assert not rest[0, used:].any()


def test_candidates_are_as_many_as_the_file_says(tmp_path):
    path, _ = yolox(tmp_path)
    say(tmp_path, candidates=4)
    with AdaptedBackend(path) as backend:
        assert backend.infer(np.zeros(INPUT, np.float32))[1].shape == (1, 4)


@pytest.mark.parametrize("batch", [np.zeros(INPUT), np.zeros((2, 3) + SIZE, np.float32)])
def test_another_batch_is_refused(tmp_path, batch):
    backend = AdaptedBackend(yolox(tmp_path)[0])
    with backend, pytest.raises(ValueError, match="expected a batch"):
        backend.infer(batch)
    with pytest.raises(ValueError, match="closed"):
        backend.infer(np.zeros(INPUT, np.float32))


@pytest.mark.parametrize(
    ("shape", "dtype", "layout"),
    [
        (INPUT, "float32", "NCHW"),
        ((3,) + SIZE, "float32", "NCHW"),
        (("n", 3, "h", "w"), "float32", "NCHW"),
        ((1,) + SIZE + (3,), "float32", "NHWC"),
        ((1,) + SIZE + (3,), "uint8", "NHWC"),
    ],
)
def test_a_frame_goes_into_any_form_of_input(tmp_path, shape, dtype, layout):
    path, table = yolox(tmp_path, shape=shape, dtype=dtype)
    say(tmp_path, size_hw=list(SIZE))
    with open_detector(path, conf=0.5, iou=1) as detector:
        assert (detector.spec.input_dtype, detector.spec.input_layout) == (dtype, layout)
        found = detector(np.zeros((192, 320, 3), np.uint8))
    slow = slow_decoders.yolox(table, SIZE, (8, 16, 32), decoded=False)
    boxes, scores, _ = slow_decoders.best(slow, 1000, least=0.5)
    inside = np.clip(boxes * 2, 0, [320, 192, 320, 192])
    keep = ((inside[:, 2:] - inside[:, :2]) > 0).all(axis=1)
    np.testing.assert_allclose(found.scores, scores[keep], rtol=1e-4)
    np.testing.assert_allclose(found.boxes_xyxy, inside[keep], atol=0.05, rtol=1e-4)


def test_what_is_assumed_is_told_once_and_not_when_the_file_says_it(tmp_path, caplog):
    caplog.set_level(logging.INFO, "edgedet")
    path, _ = yolox(tmp_path)
    with AdaptedBackend(path) as backend:
        text = backend.adaptation.text()
    (record,) = caplog.records
    message = record.getMessage()
    assert "yolox" in message
    assert "--adapt" in message
    (tmp_path / "m.edgedet.json").write_text(text, encoding="utf-8")
    caplog.clear()
    AdaptedBackend(path).close()
    assert not caplog.records


def three(tmp_path, labels, dtype=np.int64):
    labels = np.array(labels, dtype)
    outputs = {
        "boxes": np.float32([[0, 0, 50, 40]] * len(labels)),
        "labels": labels,
        "scores": np.linspace(0.9, 0.5, len(labels)).astype(np.float32),
    }
    return foreign_models.write_model(tmp_path / "m.onnx", outputs, (3,) + SIZE)


def test_labels_without_a_name(tmp_path):
    path = three(tmp_path, [1, 2, 3])
    say(tmp_path, class_names=["a", "b"])
    with AdaptedBackend(path) as backend, pytest.raises(ModelError, match="below 2.*found 2"):
        backend.infer(np.zeros(INPUT, np.float32))
    say(tmp_path, class_names=["a", "b", "c"])
    with AdaptedBackend(path) as backend:
        assert backend.infer(np.zeros(INPUT, np.float32))[2][0, :4].tolist() == [0, 1, 2, 0]


def test_unused_numbers_of_coco_are_no_detections(tmp_path):
    path = three(tmp_path, [1, 12, 90, 13], np.int32)
    say(tmp_path, class_names="coco91")
    with open_detector(path, conf=0) as detector:
        found = detector(np.zeros((96, 160, 3), np.uint8))
        names = [detector.spec.class_names[label] for label in found.labels]
    assert names == ["person", "toothbrush", "stop sign"]


def test_fp16_outputs_are_read(tmp_path):
    table = made_outputs.decoded_yolov8(SIZE, 3).T.astype(np.float16)
    path = foreign_models.write_model(tmp_path / "m.onnx", {"out": table[None]}, INPUT)
    with AdaptedBackend(path) as backend:
        assert backend.adaptation.family == "yolov8"
        assert backend.infer(np.zeros(INPUT, np.float32))[0].dtype == np.float32


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"dtype": "float16"}, "float32 or uint8"),
        ({"shape": (2, 3) + SIZE}, "batch of 1"),
        ({"shape": (1, 3, "h", "w")}, "size_hw"),
        ({"metadata": {"task": "segment"}}, "'segment'"),
        ({"metadata": {"names": "['a']"}}, "1 classes"),
    ],
)
def test_what_does_not_run_is_told_in_one_line(tmp_path, more, message):
    path, _ = yolox(tmp_path, **more)
    with pytest.raises(ModelError, match=message) as caught:
        open_detector(path)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 4


def test_a_size_that_the_graph_does_not_run_with(tmp_path):
    from onnx import TensorProto, helper

    nodes = [helper.make_node("MatMul", ["x", "x"], ["y"])]  # only squares
    graph = helper.make_graph(
        nodes,
        "square",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    foreign_models.onnx.save(made, str(tmp_path / "m.onnx"))
    say(tmp_path, size_hw=[32, 64])
    with pytest.raises(ModelError, match="a picture of 32 x 64") as caught:
        open_detector(tmp_path / "m.onnx")
    assert "\n" not in str(caught.value)
