"""stdout of a service: full, closed, slow, or of few letters."""

import io
import os
import subprocess
import sys

import pytest

from edgedet.runtime.camera import standard_output
from edgedet.runtime.camera.controls import Controls
from edgedet.runtime.camera.standard_output import StandardOutput

WRITE = """
import sys
sys.path[:0] = sys.argv[1:]
from edgedet.runtime.camera.controls import Controls
from edgedet.runtime.camera.standard_output import StandardOutput
StandardOutput(Controls(0.5)).write("3 \\u00c4pfel\\n")
"""


def test_what_is_no_file_is_written_to(capsys):
    StandardOutput(Controls(0.5)).write("line\n")
    assert capsys.readouterr().out == "line\n"


def test_what_is_a_file_is_written_to_in_the_order_of_all_others(capfd):
    sys.stdout.write("first\n")
    StandardOutput(Controls(0.5)).write("second\n")
    assert capfd.readouterr().out == "first\nsecond\n"


def test_a_service_without_a_language_tells_of_classes_in_any():
    environment = dict(os.environ, LC_ALL="C", PYTHONIOENCODING="ascii")
    words = [sys.executable, "-c", WRITE] + sys.path
    out = subprocess.check_output(words, env=environment, stderr=subprocess.STDOUT)
    assert out.decode() == "3 \\xc4pfel\n"


def test_without_a_stdout_nothing_is_written(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    output = StandardOutput(Controls(0.5))
    output.write("line\n")
    output.check()
    assert not output.controls.stopping


def test_a_reader_that_has_gone_ends_the_run(monkeypatch):
    read, write = os.pipe()
    os.close(read)
    with io.open(write, "w") as stdout:  # noqa: UP020 - as sys.stdout is made
        monkeypatch.setattr(sys, "stdout", stdout)
        output = StandardOutput(Controls(0.5))
        output.write("line\n")
        output.write("line\n")
    assert output.controls.stopping
    with pytest.raises(BrokenPipeError):
        output.check()


def test_a_line_that_was_cut_by_a_full_disk_ends_with_the_next_one(monkeypatch, tmp_path):
    room = [4, 0]

    def write(descriptor, content):
        if not room:
            return os_write(descriptor, content)
        fits = room.pop(0)
        if not fits:
            raise OSError(28, "No space left on device")
        return os_write(descriptor, content[:fits])

    os_write = os.write
    with (tmp_path / "out").open("w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        output = StandardOutput(Controls(0.5))
        monkeypatch.setattr(standard_output.os, "write", write)
        with pytest.raises(OSError, match="No space"):
            output.write("first\n")
        output.write("second\n")
        output.write("third\n")
    assert (tmp_path / "out").read_text() == "firs\nsecond\nthird\n"
