import json
import time

import pytest

from edgedet.runtime import ModelError
from edgedet.runtime.adapters.class_names import (
    COCO_80,
    assumed_classes,
    named_classes,
    names_in,
)


@pytest.mark.parametrize(
    "names",
    [
        {0: "person", 1: "it's", 2: 'a "b"', 3: "{x: 1}, y", 4: "Bäume"},
        {1: "b", 0: "a"},
        {0: "only"},
        ["a", "b"],
    ],
)
def test_a_literal_of_python_or_json_is_read(names):
    listed = [names[key] for key in sorted(names)] if isinstance(names, dict) else names
    assert names_in({"names": repr(names)}) == tuple(listed)
    if isinstance(names, list):
        assert names_in({"names": json.dumps(names)}) == tuple(listed)


def test_no_names_are_none():
    assert names_in({"author": "x"}) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "person, car",
        "{}",
        "{0: 'a', 2: 'b'}",
        "{'a': 0}",
        "{0: a}",
        "{0: 'a'} or exit()",
        "__import__('os').system('true')",
        "{0: __import__('os').name}",
        "[['a']]",
        "{0: 'a' 'b'}",
        "[" * 100000 + "]" * 100000,
        "{0: '\\N{no such}'}",
    ],
)
def test_anything_else_is_refused_in_one_line(text):
    with pytest.raises(ModelError, match="class_names") as caught:
        names_in({"names": text})
    assert "\n" not in str(caught.value)


def test_names_that_come_twice_are_numbered():
    assert names_in({"names": "['a', 'a', '']"}) == ("a 0", "a 1", "class 2")
    assert names_in({"names": "['a', 'a', 'a 0']"}) == ("a 0", "a 1", "a 0 2")


def test_a_name_can_always_be_written():
    name = names_in({"names": "['\\ud800']"})[0]
    assert name.encode("utf-8") == b"?"


def test_the_time_for_names_grows_with_their_number_only():
    text = repr({label: "name {}".format(label) for label in range(40000)})
    began = time.perf_counter()
    assert len(names_in({"names": text})) == 40000
    assert time.perf_counter() - began < 10


def test_coco_by_number():
    assert assumed_classes(80).names == COCO_80
    assert len(set(COCO_80)) == 80
    detection_ids = assumed_classes(90)
    assert detection_ids.names == COCO_80
    # Published: 1 person, 13 stop sign, 44 bottle, 90 toothbrush; 12 is unused.
    named = {i + 1: COCO_80[label] for i, label in enumerate(detection_ids.labels) if label >= 0}
    expected = {1: "person", 13: "stop sign", 44: "bottle", 67: "dining table", 90: "toothbrush"}
    assert {key: named[key] for key in expected} == expected
    assert 12 not in named
    assert len(named) == 80


def test_other_numbers_get_numbers():
    assumed = assumed_classes(2)
    assert assumed.names == ("class0", "class1")
    assert "class0" in assumed.assumed
    assert named_classes(("a", "b")).assumed == ""
