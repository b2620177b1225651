"""`edgedet train` as the user sees it: what is printed, and the exit code of each mistake."""

from __future__ import annotations

import json
import os
import pickle
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

from training_toys import register_toy, write_coco  # noqa: E402

from edgedet.cli import main  # noqa: E402


class Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A command line that works, in an empty folder."""
    register_toy()
    monkeypatch.chdir(tmp_path)
    write_coco(tmp_path / "data")
    flags = {"model": "toy", "data": "data", "weights": "none", "imgsz": 32, "epochs": 1}
    flags |= {"workers": 0, "batch": 4, "device": "cpu"}
    return ["train", *(f"--{name}={value}" for name, value in flags.items())]


def test_prints_the_best_checkpoint_and_nothing_else(
    words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    assert capfd.readouterr().out == "runs/train/run/best.pt\n"
    assert Path("runs/train/run/best.pt").exists()


def test_json_is_the_metrics_with_the_path(
    words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--json"]) == 0
    printed = json.loads(capfd.readouterr().out)
    assert printed.pop("checkpoint") == "runs/train/run/best.pt"
    assert printed == json.loads(Path("runs/train/run/metrics.json").read_text())
    assert main(words) == 0
    assert capfd.readouterr().out == "runs/train/run2/best.pt\n"


def test_goes_on_from_a_checkpoint_for_int8(
    words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--out=first"]) == 0
    started = [word for word in words if not word.startswith(("--model", "--weights"))]
    assert main([*started, "--from=first/best.pt", "--qat", "--out=second"]) == 0
    captured = capfd.readouterr()
    assert captured.out.splitlines() == ["first/best.pt", "second/best.pt"]
    assert "in INT8 before the first step" in captured.err


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--model=toi"], 2, "did you mean 'toy'"),
        (["--batch=0"], 2, "--batch to be at least 1"),
        (["--recipe=unknown.yaml"], 2, "did you mean 'epochs'"),
        (["--recipe=missing.yaml"], 2, "No such file"),
        (["--device=tpu"], 2, "--device auto"),
        (["--device=cuda:0,0"], 2, "cuda:0,1"),
        (["--qat"], 2, "--from CHECKPOINT with --qat"),
        (["--from=missing.pt"], 4, "No such file"),
        (["--out=file/inside"], 2, "an output folder that can be written"),
        (["--data=missing"], 3, "missing"),
        (["--data=truncated"], 3, "train.json"),
        (["--resume=code.pt"], 4, "holds code"),
        (["--resume=missing.pt"], 4, "No such file"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str],
    more: list[str],
    code: int,
    message: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    Path("unknown.yaml").write_text("epoch: 3\n")
    Path("code.pt").write_bytes(pickle.dumps(Code()))
    Path("file").write_text("")
    broken = write_coco(Path("truncated")) / "annotations" / "train.json"
    broken.write_text(broken.read_text()[:100])
    assert main([*words, *more]) == code
    captured = capfd.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not Path("runs").exists()
