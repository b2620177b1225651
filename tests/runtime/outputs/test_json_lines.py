"""A line for each frame."""

import json

import numpy as np
import pytest
from seen_frames import CLASS_NAMES, seen

from edgedet.runtime.camera.seen import ZoneCount
from edgedet.runtime.errors import UsageError
from edgedet.runtime.outputs.json_lines import JsonFile, JsonLines, iso_time


def test_a_line_says_what_was_seen():
    lines = []
    output = JsonLines(lines.append, CLASS_NAMES)
    zone = ZoneCount("gate", (), (1, 0, 2), (0, 0, 1))
    one = seen(0.25, [2, 0], number=7)
    output.put(one._replace(track_ids=np.array([4, -1]), zones=(zone,)))
    (line,) = lines
    assert line.endswith("}\n")
    assert line.count("\n") == 1
    values = json.loads(line)
    assert (values["camera"], values["frame"], values["source"]) == ("door", 7, "door#7")
    assert values["time"] == "2023-11-14T22:13:20.250Z"
    assert (values["age_ms"], values["inference_ms"]) == (9.0, 5.0)
    assert (values["width"], values["height"], values["schema_version"]) == (64, 48, 1)
    assert [found["class"] for found in values["detections"]] == ["person", "cat"]
    assert [found["track"] for found in values["detections"]] == [4, -1]
    assert values["detections"][0]["box_xyxy"] == [2.0, 3.0, 20.0, 30.0]
    assert values["zones"] == [
        {"zone": "gate", "inside": [], "passed": [1, 0, 2], "passed_back": [0, 0, 1]}
    ]


def test_without_tracking_no_track_is_told():
    lines = []
    JsonLines(lines.append, CLASS_NAMES).put(seen(0.0, [1]))
    values = json.loads(lines[0])
    assert "track" not in values["detections"][0]
    assert "zones" not in values


def test_a_file_is_appended_to_line_by_line(tmp_path):
    path = tmp_path / "seen.jsonl"
    for turn in range(2):
        output = JsonFile(path, CLASS_NAMES)
        for number in range(3):
            output.put(seen(turn, [0], number=number))
            assert len(path.read_text().splitlines()) == 3 * turn + number + 1
        output.close()
        output.close()
    assert [json.loads(line)["frame"] for line in path.read_text().splitlines()] == [0, 1, 2] * 2


def test_times():
    assert iso_time(0.0) == "1970-01-01T00:00:00.000Z"
    assert iso_time(1.9996) == "1970-01-01T00:00:01.999Z"


@pytest.mark.parametrize("name", ["nowhere/lines", "."])
def test_a_file_that_cannot_be_written(tmp_path, name):
    with pytest.raises(UsageError, match="a file to write lines of JSON to"):
        JsonFile(tmp_path / name, CLASS_NAMES)
