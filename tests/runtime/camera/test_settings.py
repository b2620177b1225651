"""What a run can be told."""

import json

import pytest

from edgedet.runtime.camera.settings import (
    CameraSettings,
    camera_names,
    grid_of,
    merged_settings,
    read_settings,
    settings_from,
)
from edgedet.runtime.errors import UsageError


def test_nothing_given_is_the_defaults():
    assert merged_settings({}, {}) == CameraSettings()


def test_flags_win_over_the_file(tmp_path):
    path = tmp_path / "camera.json"
    path.write_text(json.dumps({"source": ["0", "1"], "conf": 0.5, "name": ["door", "yard"]}))
    settings = merged_settings(read_settings(path), {"conf": 0.3, "record": tmp_path})
    assert settings.source == ("0", "1")
    assert settings.name == ("door", "yard")
    assert (settings.conf, settings.record) == (0.3, str(tmp_path))


@pytest.mark.parametrize("text", ["", "[1, 2]", "3", '{"a": ', '"x"'])
def test_a_file_that_holds_no_settings(tmp_path, text):
    path = tmp_path / "camera.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="camera.json"):
        read_settings(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        read_settings(tmp_path / "no.json")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"conf": 2}, "a number in 0..1 for conf, found 2"),
        ({"conf": True}, "a number in 0..1 for conf"),
        ({"overlap": 1.0, "tiles": "2x2"}, "below 1 for overlap"),
        ({"frames": 0}, "a whole number of at least 1 for frames"),
        ({"frames": 2.5}, "a whole number"),
        ({"frames": float("inf")}, "a whole number"),
        ({"threads": 2.0}, "a whole number"),
        ({"track": "yes"}, "true or false for track"),
        ({"budget_mb": 0}, "a number above 0 for budget_mb"),
        ({"fps": float("inf")}, "a number above 0 for fps"),
        ({"segment_s": float("nan")}, "a number above 0 for segment_s"),
        ({"source": []}, "for source"),
        ({"source": [None]}, "for source"),
        ({"record": ""}, "a text for record"),
        ({"log": "xml"}, "text or json for log"),
        ({"sources": "0"}, "did you mean 'source'"),
        ({"source": ["0", "1"], "name": ["a"]}, "a name for each of 2 sources"),
        ({"source": ["0", "1"], "name": ["a", "a"]}, "different names"),
        ({"name": ["../a"]}, "names of letters"),
        ({"name": ["a\n"]}, "names of letters"),
        ({"budget_mb": 5.0}, "beside budget_mb"),
        ({"segment_s": 5.0}, "beside segment_s"),
        ({"smooth": 1.0}, "track beside smooth"),
        ({"webhook": "http://x"}, "on beside webhook"),
        ({"listen": ":80"}, "serve beside listen"),
        ({"overlap": 0.3}, "tiles beside overlap, found overlap alone"),
    ],
)
def test_what_cannot_be_is_one_line(values, says):
    with pytest.raises(UsageError) as error:
        settings_from(values)
    assert says in str(error.value)


@pytest.mark.parametrize(
    "values",
    [
        {"smooth": 1.0, "zones": "z.json"},  # they are counted by tracks
        {"budget_mb": 5.0, "serve": True},  # its page records
        {"budget_mb": 5.0, "on": ["cat"], "snapshots": "s"},
        {"segment_s": 5.0, "record": "r"},
    ],
)
def test_parts_of_what_was_asked_for(values):
    settings_from(values)


@pytest.mark.parametrize(
    "values",
    [
        {"token": "1234"},
        {"token": 1234},
        {"webhook": ["1234"]},
        {"source": ["rtsp://user:1234@host/x", 1.5]},
    ],
)
def test_a_secret_is_never_shown(values):
    with pytest.raises(UsageError) as error:
        settings_from(values)
    assert "1234" not in str(error.value)


def test_tiles_name_the_columns_first():
    assert grid_of("3x2") == (2, 3)
    for wrong in ("many", "12", "0x2", "2x", "2x2x2", "-1x2", "100x2"):
        with pytest.raises(UsageError, match="tiles like 2x2"):
            grid_of(wrong)


def test_cameras_have_names():
    assert camera_names(settings_from({"source": ["0"]})) == ("camera",)
    assert camera_names(settings_from({"source": ["0", "1"]})) == ("camera1", "camera2")
    assert camera_names(settings_from({"source": ["0", "1"], "name": ["a", "b"]})) == ("a", "b")
