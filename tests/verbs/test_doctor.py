"""`edgedet doctor` on the machine that runs the tests."""

from __future__ import annotations

import json

import pytest

from edgedet.cli import main


def test_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    for name in ("System", "Python", "numpy", "OpenCV", "ONNX Runtime", "GPU", "TensorRT", "Disk"):
        assert f"  {name}  " in captured.out


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema_version"] == 1
    for line in told["lines"]:
        assert line["status"] in ("ok", "warning", "missing")
        assert line["status"] == "ok" or line["fix"]
