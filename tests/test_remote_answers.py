"""What a host answers is not ours: whatever it is, it is one line or a measurement."""

import json

import pytest

from edgedet.remote import Answer
from edgedet.remote_answers import facts_of, gpu_of, measurement_of
from edgedet.runtime.errors import DataError, DeviceError, EdgedetError


@pytest.mark.parametrize("text", ['{"a": ' + "[" * 100_000, "{\n" * 30_000, '{"a": 1} x', "[1]"])
def test_no_object_is_a_device_error(text):
    with pytest.raises(DeviceError, match="what on h to succeed"):
        facts_of("h", "what", Answer(0, text, ""))


def test_the_object_comes_after_what_a_shell_says():
    text = 'Welcome\n{not json}\r\n{\n"a": {\n"b": 1}}\n \n'
    assert facts_of("h", "what", Answer(0, text, "")) == {"a": {"b": 1}}


def test_what_a_terminal_would_obey_is_not_in_the_facts():
    text = json.dumps({"a\x1b[2J": ["\x9b2J", {"b": "\x07c\nd"}]})
    assert facts_of("h", "what", Answer(0, text, "")) == {"a?[2J": ["?2J", {"b": "?c\nd"}]}


def test_an_error_without_its_parts():
    with pytest.raises(DataError, match="on h: , found something else; try it by hand: ssh h"):
        facts_of("h", "what", Answer(3, '{"error": "DataError"}', ""))


def test_an_error_of_another_form():
    with pytest.raises(EdgedetError, match="what on h to succeed"):
        facts_of("h", "what", Answer(3, '{"error": ["DataError"]}', ""))


@pytest.mark.parametrize(
    "doctor",
    [
        {"lines": 5},
        {"lines": [5, None]},
        {"lines": [{"name": "GPU", "details": "model"}]},
        {"lines": [{"name": "GPU"}]},
    ],
)
def test_a_doctor_of_another_form_has_no_gpu(doctor):
    assert gpu_of(doctor) is None


@pytest.mark.parametrize("name", ["no such", ["no such"], None])
def test_a_device_that_the_table_lacks_is_none(name):
    gpu = gpu_of({"lines": [{"name": "GPU", "details": {"model": "x", "device": name}}]})
    assert gpu is not None
    assert gpu.device is None


@pytest.mark.parametrize(
    "report", [{}, {"kind": "estimate"}, {"kind": "measured", "environment": 5}]
)
def test_a_report_that_is_no_measurement(report):
    with pytest.raises(DeviceError, match="a measurement from h, found something else"):
        measurement_of("h", report)
