"""What inspectors of several versions say, read back."""

import json

import pytest

from edgedet.runtime.layer_precisions import Shares, shares_of_json


def layer(**output):
    return {"Name": "conv", "Outputs": [{"Name": "x", **output}]}


@pytest.mark.parametrize(
    ("layers", "fp16", "fp32"),
    [
        ([layer(**{"Format/Datatype": "Channel major FP16 format where channel % 2 == 0"})], 1, 0),
        ([layer(**{"Format/Datatype": "Row major linear FP32"})], 0, 1),
        ([layer(**{"Format": "kLINEAR", "Datatype": "Half"})], 1, 0),
        ([layer(**{"Datatype": "Float16"}), layer(**{"Datatype": "Float"})], 1, 1),
        ([layer(**{"Format/Datatype": "Row major linear INT32"})], 0, 0),
        ([{"Name": "copy"}, "only a name"], 0, 0),
    ],
)
def test_layers_are_counted_by_the_type_of_their_output(layers, fp16, fp32):
    assert shares_of_json(json.dumps({"Layers": layers})) == Shares(fp16, fp32, "inspector")


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}", "null"])
def test_what_cannot_be_read_proves_nothing(text):
    shares = shares_of_json(text)
    assert shares.used is None
    assert shares.source == "the inspector gave no layers"


def test_the_precision_is_that_of_most_layers():
    assert Shares(9, 1, "network").used == "fp16"
    assert Shares(1, 9, "network").used == "fp32"


@pytest.mark.parametrize(
    ("shares", "fp32", "fp16"),
    [
        (Shares(0, 60, ""), True, False),
        (Shares(2, 58, ""), False, False),
        (Shares(20, 40, ""), False, True),
        (Shares(0, 0, "the inspector gave no layers"), True, True),
    ],
)
def test_what_was_asked_for_is_compared_with_what_is_there(shares, fp32, fp16):
    assert (shares.satisfies("fp32"), shares.satisfies("fp16")) == (fp32, fp16)


@pytest.mark.parametrize(
    ("written", "int8"),
    [
        ("Thirty-two wide channel vectorized row major Int8 format", 1),
        ("Four wide channel vectorized row major Int8 format", 1),
        ("INT8", 1),
        ("Row major linear UInt8 format", 0),
        ("Row major linear INT32", 0),
    ],
)
def test_int8_is_told_from_other_integers(written, int8):
    layers = [{"Outputs": [{"Format/Datatype": written}]}]
    assert shares_of_json(json.dumps({"Layers": layers})).int8 == int8


@pytest.mark.parametrize(
    ("shares", "used", "satisfied"),
    [
        (Shares(50, 4, "", 10), "int8", ["int8"]),
        (Shares(90, 4, "", 5), "fp16", []),
        (Shares(20, 40, "", 0), "fp32", ["fp16"]),
        (Shares(0, 0, "the inspector gave no layers"), None, ["fp32", "fp16", "int8"]),
    ],
)
def test_int8_always_has_another_around_it(shares, used, satisfied):
    assert shares.used == used
    assert [name for name in ("fp32", "fp16", "int8") if shares.satisfies(name)] == satisfied
