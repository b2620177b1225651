import doctest
import json

import pytest

from edgedet.runtime import ModelError, ModelSpec, spec
from edgedet.runtime.spec import spec_from_json, spec_to_json

FULL = ModelSpec(
    class_names=("car", "Bäume"),
    size_hw=(480, 640),
    color="BGR",
    resize="letterbox",
    pad_value=0,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    input_dtype="uint8",
    input_layout="NHWC",
    score_threshold=0.1,
    nms_iou=0.6,
    max_detections=100,
    provenance={"torch": "2.4.0"},
)
SMALL = ModelSpec(class_names=("car",), size_hw=(32, 32))


@pytest.mark.parametrize(
    "given",
    [FULL, SMALL, SMALL._replace(resize="letterbox_top_left", input_layout="NHWC")],
)
def test_json_round_trip(given):
    assert spec_from_json(spec_to_json(given)) == given


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(spec).attempted > 0
    assert doctest.testmod(spec).failed == 0


def test_whole_numbers_become_floats():
    text = spec_to_json(SMALL._replace(mean=(0, 0, 0), std=(1, 1, 1), nms_iou=1))
    values = spec_from_json(text)
    assert [type(v) for v in values.mean + values.std + (values.nms_iou,)] == [float] * 7


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("class_names", ()),
        ("class_names", ("car", "car")),
        ("class_names", ("",)),
        ("class_names", ("car", "\ud83d")),
        ("class_names", "car"),
        ("size_hw", (0, 32)),
        ("size_hw", (32,)),
        ("size_hw", (32.0, 32.0)),
        ("task", "singing"),
        ("color", "HSV"),
        ("color", ["RGB"]),
        ("resize", "crop"),
        ("pad_value", 256),
        ("pad_value", True),
        ("mean", (0.1, 0.2)),
        ("mean", (0.1, 0.2, float("nan"))),
        ("std", (1.0, 0.0, 1.0)),
        ("input_dtype", "float16"),
        ("input_layout", "NWHC"),
        ("output", "heatmap"),
        ("score_threshold", 1.5),
        ("nms_iou", -0.1),
        ("max_detections", 0),
        ("provenance", {"torch": 2}),
        ("provenance", None),
    ],
)
def test_a_wrong_field_is_named(field, value):
    with pytest.raises(ModelError, match=field):
        spec_to_json(SMALL._replace(**{field: value}))


def test_a_uint8_input_has_its_channels_last():
    with pytest.raises(ModelError, match="input_layout NHWC for a uint8 input"):
        spec_to_json(SMALL._replace(input_dtype="uint8"))


def _changed(**changes):
    values = json.loads(spec_to_json(SMALL))
    values.update(changes)
    return json.dumps(values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "JSON"),
        ('{"schema_version": 1', "JSON"),
        ("[1, 2]", "object"),
        ("{}", "schema version 1"),
        (_changed(schema_version=2), "version 2"),
        (_changed(colour="RGB"), "colour"),
        ('{"schema_version": 1}', "class_names"),
        (_changed(size_hw=[32, -1]), "size_hw"),
        (_changed(size_hw=[[32], 32]), "size_hw"),
        (_changed(color=["RGB"]), "color"),
        (_changed(color={"a": 1}), "color"),
        (_changed(provenance=[]), "provenance"),
    ],
)
def test_other_text_is_refused_in_one_line(text, message):
    with pytest.raises(ModelError, match=message) as caught:
        spec_from_json(text)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 4
