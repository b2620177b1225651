"""Which family a model is taken for, what is told of it, and when it is asked for instead."""

import json

import made_outputs
import numpy as np
import pytest

from edgedet.runtime import ModelError
from edgedet.runtime.adapters.adaptation import recognise
from edgedet.runtime.adapters.class_names import COCO_80
from edgedet.runtime.adapters.input_form import InputForm
from edgedet.runtime.adapters.spec_file import UserSpec, read_spec_file

SIZE = (96, 160)
FORM = InputForm(SIZE, "NCHW", "float32", True)
FILE = "model.edgedet.json"


def adapted(table, given=UserSpec(), metadata=None):  # noqa: B008 - nothing of it changes
    outputs = table if isinstance(table, dict) else {"output": table[None]}
    return recognise(FORM, outputs, metadata or {}, given, FILE)


def test_coco_is_assumed_for_80_classes_and_told():
    adaptation = adapted(made_outputs.raw_yolox(SIZE, 80))
    assert (adaptation.family, adaptation.spec.class_names) == ("yolox", COCO_80)
    told = " ".join(adaptation.assumed)
    for part in ("COCO", "BGR", "0.003922", "letterbox_top_left"):
        assert part in told


def test_names_of_the_metadata_are_taken():
    names = {"names": "{0: 'ripe', 1: 'unripe'}", "task": "detect"}
    adaptation = adapted(made_outputs.decoded_yolov8(SIZE, 2).T, metadata=names)
    assert adaptation.spec.class_names == ("ripe", "unripe")
    assert adaptation.spec.resize == "letterbox"
    assert "class" not in " ".join(adaptation.assumed)


def test_a_model_for_something_else_is_refused():
    with pytest.raises(ModelError, match="'pose'"):
        adapted(made_outputs.decoded_yolov8(SIZE, 52).T, metadata={"task": "pose"})
    # 51 numbers of keypoints are no classes: the one name says so.
    with pytest.raises(ModelError, match="1 classes"):
        adapted(made_outputs.decoded_yolov8(SIZE, 52).T, metadata={"names": "['person']"})


def test_an_unknown_form_names_what_was_seen_and_what_is_known():
    with pytest.raises(ModelError) as caught:
        adapted(np.zeros((17, 9), np.float32))
    text = str(caught.value)
    assert "\n" not in text
    assert "output float32 [1, 17, 9] for an input of 96 x 160 (HxW)" in text
    for family in ("yolox: [1, cells, 5+classes]", "nanodet", "ssd", "boxes_scores", "rows"):
        assert family in text
    assert FILE in text


def test_objectness_or_one_class_more_is_asked():
    """[cells, 5+3] decoded: YOLOX of 3 classes, or YOLOv8 the other way round of 4."""
    table = made_outputs.decoded_yolox(SIZE, 3)
    with pytest.raises(ModelError, match='"family": ') as caught:
        adapted(table)
    assert "yolox of 3 classes or yolov8 of 4 classes" in str(caught.value)
    assert adapted(table, UserSpec(family="yolov8")).classes.names == (
        "class0",
        "class1",
        "class2",
        "class3",
    )
    assert adapted(table, metadata={"names": "['a', 'b', 'c']"}).family == "yolox"
    assert adapted(table, UserSpec(class_names=("a", "b", "c", "d"))).family == "yolov8"


@pytest.mark.parametrize(("family", "classes"), [("yolox", 80), ("yolov8", 80)])
def test_80_classes_decide_and_are_told(family, classes):
    table = getattr(made_outputs, "decoded_" + family)(SIZE, classes)
    adaptation = adapted(table)
    assert adaptation.family == family
    assert "because then its classes are COCO's 80" in " ".join(adaptation.assumed)


def test_the_named_family_is_held_to_its_form():
    with pytest.raises(ModelError, match=r"known family \(nanodet: "):
        adapted(made_outputs.raw_yolox(SIZE, 80), UserSpec(family="nanodet"))


def test_final_detections_need_names():
    outputs = {
        "boxes": np.zeros((0, 4), np.float32),
        "labels": np.zeros(0, np.int64),
        "scores": np.zeros(0, np.float32),
    }
    with pytest.raises(ModelError, match='"coco91" stands for'):
        adapted(outputs)
    adaptation = adapted(outputs, UserSpec(class_names="coco91"))
    assert adaptation.spec.class_names == COCO_80
    assert "1 is the label of the first class" in adaptation.assumed


def test_an_output_that_is_not_there_is_named():
    with pytest.raises(ModelError, match=r"out of output in model.edgedet.json, found 'boxes'"):
        adapted(made_outputs.raw_yolox(SIZE, 3), UserSpec(roles={"table": "boxes"}))


@pytest.mark.parametrize(
    "table",
    [
        made_outputs.raw_yolox(SIZE, 80),
        made_outputs.decoded_yolov5(SIZE, 2),
        made_outputs.decoded_yolov8(SIZE, 2).T,
        made_outputs.nanodet(SIZE, 90),
    ],
)
def test_the_written_file_says_all_and_changes_nothing(tmp_path, table):
    adaptation = adapted(table)
    path = tmp_path / FILE
    path.write_text(adaptation.text(), encoding="utf-8")
    again = adapted(table, read_spec_file(path))
    assert again.assumed == ()
    assert again._replace(assumed=adaptation.assumed) == adaptation._replace(classes=again.classes)
    assert again.text() == adaptation.text()


def test_what_the_file_says_holds(tmp_path):
    path = tmp_path / FILE
    values = {
        "schema_version": 1,
        "class_names": ["Bäume", "b"],
        "color": "RGB",
        "mean": [0.1, 0.2, 0.3],
        "score_threshold": 0.6,
        "candidates": 7,
    }
    path.write_text(json.dumps(values), encoding="utf-8")
    adaptation = adapted(made_outputs.raw_yolox(SIZE, 2), read_spec_file(path))
    spec = adaptation.spec
    assert (spec.color, spec.mean, spec.score_threshold) == ("RGB", (0.1, 0.2, 0.3), 0.6)
    assert (spec.class_names, adaptation.candidates) == (("Bäume", "b"), 7)
    assert spec.resize == "letterbox_top_left"
