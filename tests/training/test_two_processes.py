"""Two processes under torchrun: same weights, one set of files, one place to stop."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from training_toys import assert_same, write_coco

from edgedet.training.checkpoint import load_checkpoint


@pytest.mark.slow
def test_two_processes_learn_the_same(tmp_path: Path) -> None:
    script = Path(__file__).with_name("two_processes.py")
    data = write_coco(tmp_path / "data")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    done = subprocess.run(
        [*torchrun, str(script), str(tmp_path), str(data)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one, other = (torch.load(tmp_path / f"rank{i}.pt", weights_only=True) for i in (0, 1))
    for run in ("unbroken", "resumed"):
        assert_same(*(learnt(rank[run]) for rank in (one, other)))
    assert one["stopped_at"] == other["stopped_at"] == 2
    assert_same(one["unbroken"], one["resumed"])
    assert results(tmp_path / "whole") == results(tmp_path / "broken")
    assert (one["session"], other["session"]) == (str(tmp_path / "session"), "")
    state = load_checkpoint(tmp_path / "session" / "model.pt")
    assert (state["world_size"], state["epoch"], state["step"]) == (2, 1, 3)


def learnt(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Batch norm's running statistics are each process' own; only the first one's are saved."""
    return {k: v for k, v in weights.items() if not k.startswith("norm.running")}


def results(folder: Path) -> list[list[str]]:
    rows = [line.split(",") for line in (folder / "results.csv").read_text().splitlines()]
    speed = rows[0].index("images_per_s")
    return [row[:speed] + row[speed + 1 :] for row in rows]
