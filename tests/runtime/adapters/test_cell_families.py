"""YOLOX, YOLOv5, YOLOv8 and NanoDet: recognised by numbers, decoded as the slow decoders do."""

import made_outputs
import numpy as np
import pytest
import slow_decoders

from edgedet.runtime import ModelSpec
from edgedet.runtime.adapters.families import FAMILIES
from edgedet.runtime.adapters.family import Evidence

SIZE = (96, 160)
COUNT = 50


def evidence_of(table, **known):
    return Evidence(SIZE, {"output": np.ascontiguousarray(table)[None]}, **known)


def decoded_by(name, table, **known):
    """What the family makes of the table, and how it reads it."""
    family = FAMILIES[name]
    evidence = evidence_of(table, **known)
    found = family.recognise(evidence)
    assert found is not None
    return family.decoder(found, SIZE, COUNT)([evidence.outputs["output"]]), found


def require_same(candidates, slow):
    boxes, scores, labels = slow_decoders.best(slow, COUNT)
    np.testing.assert_allclose(candidates.scores, scores, rtol=1e-4)
    np.testing.assert_array_equal(candidates.labels, labels)
    np.testing.assert_allclose(candidates.boxes_xyxy, boxes, atol=0.01, rtol=1e-4)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("strides", [(8, 16, 32), (8, 16, 32, 64)])
def test_raw_yolox(seed, strides):
    table = made_outputs.raw_yolox(SIZE, 7, strides, seed)
    candidates, found = decoded_by("yolox", table)
    assert (found.options["decoded"], found.options["strides"]) == (False, strides)
    assert found.classes == 7
    require_same(candidates, slow_decoders.yolox(table, SIZE, strides, decoded=False))


@pytest.mark.parametrize("seed", range(3))
def test_decoded_yolox(seed):
    table = made_outputs.decoded_yolox(SIZE, 7, seed=seed)
    candidates, found = decoded_by("yolox", table)
    assert found.options["decoded"] is True
    require_same(candidates, slow_decoders.yolox(table, SIZE, (8, 16, 32), decoded=True))


@pytest.mark.parametrize("seed", range(3))
def test_yolov5(seed):
    table = made_outputs.decoded_yolov5(SIZE, 7, seed=seed)
    candidates, found = decoded_by("yolov5", table)
    assert (found.classes, found.options) == (7, {"unit": "pixels"})
    require_same(candidates, slow_decoders.with_objectness(table))


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("strides", [(8, 16, 32), (4, 8, 16, 32)])
def test_yolov8_either_way_round(last, strides):
    rows = made_outputs.decoded_yolov8(SIZE, 7, strides)
    candidates, found = decoded_by("yolov8", rows.T if last else rows)
    assert (found.classes, found.options["cells_last"]) == (7, last)
    require_same(candidates, slow_decoders.without_objectness(rows))


@pytest.mark.parametrize("name", ["yolov5", "yolov8"])
def test_fractions_of_the_input_become_pixels(name):
    table = getattr(made_outputs, "decoded_" + name)(SIZE, 3)
    fractions = table.copy()
    fractions[:, :4] /= [160, 96, 160, 96]
    expected, _ = decoded_by(name, table)
    candidates, found = decoded_by(name, fractions)
    assert found.options["unit"] == "fractions"
    np.testing.assert_allclose(candidates.boxes_xyxy, expected.boxes_xyxy, atol=1e-3)


@pytest.mark.parametrize(
    ("strides", "offset"), [((8, 16, 32, 64), 0.0), ((8, 16, 32), 0.5), ((8, 16), 0.5)]
)
def test_nanodet(strides, offset):
    table = made_outputs.nanodet(SIZE, 7, strides)
    options = {"strides": list(strides), "cell_offset": offset} if len(strides) == 2 else {}
    candidates, found = decoded_by("nanodet", table, options=options)
    assert (found.classes, found.options["cell_offset"]) == (7, offset)
    require_same(candidates, slow_decoders.nanodet(table, SIZE, strides, offset))


@pytest.mark.parametrize(
    ("name", "unit"),
    [("yolox", 1), ("yolov5", 1), ("yolov5", 640), ("yolov8", 1), ("yolov8", 640)],
)
def test_corners_near_their_cells_are_no_centres(name, unit):
    """On an input so large that most boxes end near their cells."""
    table = getattr(made_outputs, "decoded_" + name)((640, 640), 80)
    table[:, :4] /= unit
    family, half = FAMILIES[name], table[:, 2:4] / 2
    assert family.recognise(Evidence((640, 640), {"output": table[None]})) is not None
    table[:, :4] = np.concatenate([table[:, :2] - half, table[:, :2] + half], axis=1)
    assert family.recognise(Evidence((640, 640), {"output": table[None]})) is None


TABLES = {
    "yolox": [made_outputs.raw_yolox(SIZE, 80), made_outputs.raw_yolox(SIZE, 3)],
    "yolov5": [made_outputs.decoded_yolov5(SIZE, 80), made_outputs.decoded_yolov5(SIZE, 1)],
    "yolov8": [
        made_outputs.decoded_yolov8(SIZE, 80).T,
        made_outputs.decoded_yolov8(SIZE, 3).T,
        made_outputs.decoded_yolov8(SIZE, 2).T,
    ],
    "nanodet": [made_outputs.nanodet(SIZE, 80), made_outputs.nanodet(SIZE, 1, (8, 16, 32))],
}


@pytest.mark.parametrize(
    ("name", "table"), [(name, table) for name, tables in TABLES.items() for table in tables]
)
def test_only_its_own_family_takes_it(name, table):
    assert [key for key in FAMILIES if FAMILIES[key].recognise(evidence_of(table))] == [name]


@pytest.mark.parametrize("name", ["yolox", "yolov5", "yolov8", "nanodet"])
def test_another_number_of_named_classes_is_refused(name):
    table = TABLES[name][0]
    assert FAMILIES[name].recognise(evidence_of(table, classes=80)) is not None
    assert FAMILIES[name].recognise(evidence_of(table, classes=79)) is None


@pytest.mark.parametrize("name", sorted(TABLES))
def test_numbers_without_a_meaning_are_refused(name):
    """As of a network whose scores did not pass a sigmoid, or that gives no numbers."""
    table = TABLES[name][0]
    for strange in (table * 0 + 7, table * np.nan, table[:, :4], table[:-1, :-1]):
        assert FAMILIES[name].recognise(evidence_of(strange)) is None


def test_feature_maps_beside_the_table_do_no_harm():
    table = TABLES["yolov5"][0]
    evidence = Evidence(SIZE, {"maps": np.zeros((1, 3, 12, 20, 85)), "output": table[None]})
    assert FAMILIES["yolov5"].recognise(evidence).outputs == {"table": "output"}


PUBLISHED = [
    ("yolox", "BGR", "letterbox_top_left", 114, (0, 0, 0), (1, 1, 1), 0.45),
    ("yolov5", "RGB", "letterbox", 114, (0, 0, 0), (255, 255, 255), 0.45),
    ("yolov8", "RGB", "letterbox", 114, (0, 0, 0), (255, 255, 255), 0.7),
    ("nanodet", "BGR", "stretch", 114, (103.53, 116.28, 123.675), (57.375, 57.12, 58.395), 0.6),
]
"""As their authors' repositories have it, mean and std of pixels 0..255."""


@pytest.mark.parametrize(("name", "color", "resize", "pad", "mean", "std", "iou"), PUBLISHED)
def test_what_goes_in_is_what_its_authors_give_it(name, color, resize, pad, mean, std, iou):
    spec = ModelSpec(class_names=("a",), size_hw=SIZE, **FAMILIES[name].preprocessing)
    assert (spec.color, spec.resize, spec.pad_value) == (color, resize, pad)
    assert spec.nms_iou == iou
    np.testing.assert_allclose(np.multiply(spec.mean, 255), mean, rtol=1e-6)
    np.testing.assert_allclose(np.multiply(spec.std, 255), std, rtol=1e-6)


def test_a_named_unit_lets_yolov8_have_any_number_of_cells():
    rows = made_outputs.decoded_yolov8(SIZE, 7)[:301]
    assert FAMILIES["yolov8"].recognise(evidence_of(rows)) is None
    for given, last in ((rows.T, True), (rows, False)):
        found = FAMILIES["yolov8"].recognise(evidence_of(given, options={"unit": "pixels"}))
        assert (found.classes, found.options["cells_last"]) == (7, last)
