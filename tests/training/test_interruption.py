"""Signals: the first asks, the second ends; and a real process that is interrupted."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from training_toys import assert_same, register_toy, write_coco

from edgedet.training import interruption
from edgedet.training.checkpoint import load_checkpoint
from edgedet.training.interruption import stop_on_signals
from edgedet.training.session import Order, run_training


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks(signum: int) -> None:
    before = signal.getsignal(signum)
    with stop_on_signals() as stop:
        assert not stop.requested
        os.kill(os.getpid(), signum)
        time.sleep(0.01)
        assert stop.requested
    assert signal.getsignal(signum) is before


def test_the_second_ctrl_c_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with stop_on_signals() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)  # torchrun's copy of the same key press
        time.sleep(0.01)
        assert stop.requested
        monkeypatch.setattr(interruption, "ONE_PRESS_S", -1.0)
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the signal comes when it comes
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.5)


FLAGS = {"model": "toy", "weights": "none", "batch": 3, "imgsz": 32, "workers": 1}


def wait_for(path: Path, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_ctrl_c_then_resume_equals_unbroken(tmp_path: Path) -> None:
    data, out = write_coco(tmp_path / "data"), tmp_path / "broken"
    script = Path(__file__).with_name("slow_toy_cli.py")
    words = [f"--{name}={value}" for name, value in FLAGS.items()]
    words += [f"--data={data}", f"--out={out}", "--device=cpu", "--epochs=6"]
    process = subprocess.Popen(
        [sys.executable, str(script), "train", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(out / "best.pt", process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: the workers get it too
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert f"--resume {out / 'model.pt'}" in stderr
    assert stdout == ""
    state = load_checkpoint(out / "model.pt")
    assert 0 < state["step"] < 24

    register_toy()
    run_training(Order(resume=out, device="cpu"))
    flags = {**FLAGS, "data": str(data), "epochs": 6}
    run_training(Order(flags=flags, device="cpu", out=tmp_path / "whole"))
    for name in ("model.pt", "best.pt"):
        assert_same(load_checkpoint(tmp_path / "whole" / name), load_checkpoint(out / name))
