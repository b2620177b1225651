"""kill -9 in the middle: nothing is repeated, and the run that was hit ends as if unbroken."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toy_study import FLAGS, NAME, register_toy_study, request
from training_toys import assert_same

from edgedet.experiments.reproduction import reproduce_study
from edgedet.training.checkpoint import load_checkpoint

HERE = Path(__file__).parent
PATIENCE_S = 120


@pytest.fixture(autouse=True)
def toys() -> None:
    register_toy_study()


def start(folder: Path) -> subprocess.Popen[bytes]:
    words = [f"--{key}={FLAGS[key]}" for key in ("weights", "epochs")]
    settings = {key: FLAGS[key] for key in ("batch", "imgsz", "workers")}
    (folder / "base.yaml").write_text("".join(f"{k}: {v}\n" for k, v in settings.items()))
    paths = [str(HERE), str(HERE.parent / "training"), os.environ.get("PYTHONPATH", "")]
    command = [sys.executable, str(HERE / "stuck_toy_study.py"), "reproduce", NAME]
    command += ["--data", str(folder / "data"), "--recipe", str(folder / "base.yaml")]
    command += ["--out", str(folder / "out"), "--device", "cpu", "--seeds", "2", *words]
    return subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def wait_for(pattern: str, folder: Path, process: subprocess.Popen[bytes]) -> Path:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if found := list(folder.glob(pattern)):
            return found[0]
        if process.poll() is not None and process.stderr is not None:
            pytest.fail(process.stderr.read().decode())
        time.sleep(0.05)
    pytest.fail(f"no {pattern}")


@pytest.mark.slow
def test_kill_in_the_middle_and_two_processes_at_once(tmp_path: Path) -> None:
    given = request(tmp_path, seeds=2)
    runs = tmp_path / "out" / "runs"
    process = start(tmp_path)
    try:
        saved = wait_for("toy-dropout*/seed-0/model.pt", runs, process)
        first = wait_for("toy-[!d]*/seed-0/result.json", runs, process)
        finished = first.stat().st_mtime_ns
        beside = reproduce_study(given).outcome
        assert (beside.held, beside.already, beside.trained) == (1, 1, 2)
        assert not (saved.parent / "result.json").exists()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    others = {file: file.stat().st_mtime_ns for file in runs.glob("*/*/result.json")}
    assert load_checkpoint(saved)["epoch"] == 1
    after = reproduce_study(given).outcome
    assert (after.trained, after.already) == (1, 3)
    assert first.stat().st_mtime_ns == finished
    assert all(file.stat().st_mtime_ns == then for file, then in others.items())

    unbroken = request(tmp_path, out=tmp_path / "unbroken", variants=("dropout",))
    reproduce_study(unbroken)
    (whole,) = (tmp_path / "unbroken" / "runs").glob("*/seed-0/model.pt")
    assert whole.parent.parent.name == saved.parent.parent.name
    for name in ("model", "ema", "optimizer", "best"):
        assert_same(load_checkpoint(saved)[name], load_checkpoint(whole)[name])
