"""Progress is on stderr, and plain where stderr is no terminal."""

from __future__ import annotations

import io

import pytest

from edgedet import progress as module
from edgedet.progress import progress


def test_plain_lines_say_where_the_work_ended(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(3, "Evaluating") as bar:
        bar.advance()
        bar.note("loss 0.5")
        bar.advance(2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "Evaluating 3/3 (0 s): loss 0.5\n"


def test_plain_lines_appear_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PLAIN_LINE_EVERY_S", 0.0)
    with progress(None, "Reading") as bar:
        bar.advance()
        bar.advance()
    assert capsys.readouterr().err == "Reading 1 (0 s)\nReading 2 (0 s)\n"


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress(2, "Training [a]") as bar:
        bar.advance()
        bar.note("loss [0.5]")
    assert "Training [a]" in terminal.getvalue()
    assert "1/2" in terminal.getvalue()
    assert "loss [0.5]" in terminal.getvalue()
