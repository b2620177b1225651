import json
import random

import pytest

from edgedet.runtime.errors import UsageError
from edgedet.runtime.tracking.zone import Zone, read_zones, zones_from

NAMES = ("person", "car", "bus")
SQUARE = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]
LINE = [[0.1, 0.5], [0.9, 0.5]]


def test_zones_are_read_from_plain_values():
    values = [
        {"name": "gate", "line": LINE, "classes": ["bus", "car"]},
        {"name": "yard", "polygon": SQUARE, "anchor": "center"},
    ]
    gate, yard = zones_from(values, NAMES)
    assert gate == Zone("gate", "line", ((0.1, 0.5), (0.9, 0.5)), "bottom", (1, 2))
    assert yard == Zone("yard", "polygon", tuple(map(tuple, SQUARE)), "center", None)


def test_zones_are_read_from_a_file(tmp_path):
    file = tmp_path / "zones.json"
    file.write_text(json.dumps([{"name": "Tür", "line": LINE}]), encoding="utf-8")
    assert read_zones(file, NAMES)[0].name == "Tür"


@pytest.mark.parametrize("text", [None, "not json", "\x00", "[" * 100000])
def test_a_file_that_cannot_be_read_is_named(tmp_path, text):
    file = tmp_path / "zones.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UsageError, match="zones.json"):
        read_zones(file, NAMES)


def _bad(**changes):
    value = {"name": "gate", "polygon": SQUARE}
    value.update(changes)
    return [{key: each for key, each in value.items() if each is not None}]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, ["a list of zones"]),
        ([], ["a list of zones"]),
        ([5], ["zone 1", "5"]),
        (_bad(name=None), ["a name for zone 1"]),
        (_bad(name="  "), ["a name for zone 1"]),
        (_bad(name=3), ["a name for zone 1", "3"]),
        (_bad(name="gate\ud83d"), ["whole characters for zone 1", "ud83d"]),
        (_bad(polygn=SQUARE, polygon=None), ["zone 1", "did you mean 'polygon'?"]),
        (_bad(line=LINE), ["'gate'", "line and polygon"]),
        (_bad(polygon=None), ["'gate'", "none"]),
        (_bad(polygon="square"), ["'gate'", "'square'"]),
        (_bad(polygon=SQUARE[:2]), ["at least 3 points", "'gate'", "found 2"]),
        (_bad(polygon=None, line=SQUARE[:3]), ["2 points for line 'gate'", "found 3"]),
        (_bad(polygon=None, line=[[0.5, 0.5], [0.5, 0.5]]), ["different points", "'gate'"]),
        (_bad(polygon=[*SQUARE, SQUARE[0]]), ["different points", "'gate'", "[0.1, 0.1]"]),
        (_bad(polygon=[[0, 0], [0.5, 0.5], [1, 1]]), ["an area inside polygon 'gate'"]),
        (
            _bad(polygon=[SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]]),
            ["do not cross in polygon 'gate'", "edge 1 across edge 3"],
        ),
        (_bad(polygon=[[0, 0], [1, 0], [0.5, 0], [0.5, 1]]), ["do not cross", "'gate'"]),
        (_bad(polygon=[[0, 0], [1, 0], [1, 1], [0.5, 0], [0, 1]]), ["do not cross", "'gate'"]),
        (_bad(polygon=[*SQUARE[:3], [0.1, 640]]), ["in 0..1", "'gate'", "640", "not pixels"]),
        (_bad(polygon=[*SQUARE[:3], [0.1, float("nan")]]), ["in 0..1", "nan"]),
        (_bad(polygon=[*SQUARE[:3], [0.1]]), ["pairs", "'gate'"]),
        (_bad(polygon=[*SQUARE[:3], [True, 0.2]]), ["pairs", "'gate'"]),
        (_bad(anchor="top"), ["bottom or center", "'gate'", "'top'"]),
        (_bad(classes=[]), ["a list of classes", "'gate'"]),
        (_bad(classes="car"), ["a list of classes", "'gate'"]),
        (_bad(classes=["caar"]), ["'gate'", "did you mean 'car'?"]),
        (_bad() + _bad(), ["a different name", "'gate' twice"]),
    ],
)
def test_what_is_wrong_with_a_zone_is_said(values, words):
    with pytest.raises(UsageError) as caught:
        zones_from(values, NAMES)
    line = str(caught.value)
    assert "\n" not in line
    for word in words:
        assert word in line


@pytest.mark.parametrize("seed", range(20))
def test_points_in_order_around_a_centre_make_a_polygon(seed):
    """Star-shaped polygons never cross themselves; with two points swapped those of six do."""
    import math

    source = random.Random(seed)
    angles = [2 * math.pi * (i + source.uniform(0.1, 0.9)) / 6 for i in range(6)]
    points = [[0.5 + 0.4 * math.cos(a), 0.5 + 0.4 * math.sin(a)] for a in angles]
    assert len(zones_from([{"name": "star", "polygon": points}], NAMES)) == 1
    points[1], points[3] = points[3], points[1]
    with pytest.raises(UsageError, match="do not cross"):
        zones_from([{"name": "star", "polygon": points}], NAMES)
