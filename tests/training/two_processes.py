"""Started by torchrun on two CPU processes; each writes what it ended with to `sys.argv[1]`."""

import sys
from pathlib import Path

import torch
from training_toys import (
    StopAfter,
    ToyBatches,
    qualities,
    register_toy,
    run,
    toy_identity,
    toy_parts,
    toy_plan,
)

from edgedet.data.loader import EpochSampler
from edgedet.training.checkpoint import load_checkpoint
from edgedet.training.devices import open_fabric
from edgedet.training.interruption import Interrupted
from edgedet.training.outputs import Outputs
from edgedet.training.parts import Place
from edgedet.training.session import Order, run_training
from edgedet.training.snapshot import restore, snapshot


class HalfBatches(ToyBatches):
    """The toy's images, each process its half of them."""

    rank = 0

    @property
    def per_epoch(self) -> int:
        return 6

    def _order(self, epoch: int) -> list[int]:
        sampler = EpochSampler(44, rank=self.rank, world=2)
        sampler.set_position(epoch)
        return [index for _, index in sampler]


def main(folder: Path, data: Path) -> None:
    torch.set_num_threads(1)
    fabric = open_fabric("cpu", "32")
    fabric.launch()
    rank = fabric.global_rank
    HalfBatches.rank = rank
    plan = toy_plan(epochs=2, accumulate=2, patience=5)

    def outputs(name: str, place: Place) -> Outputs | None:
        return Outputs(folder / name, toy_identity(), place) if rank == 0 else None

    unbroken, place = toy_parts(HalfBatches(), fabric=fabric), Place()
    run(unbroken, plan, place, validate=qualities(0.1, 0.2), outputs=outputs("whole", place))

    broken, place = toy_parts(HalfBatches(), fabric=fabric), Place()
    stop = StopAfter(2 if rank == 1 else 1000)  # only one of them is asked
    how = {"validate": qualities(0.1, 0.2)}
    try:
        run(broken, plan, place, stop=stop, outputs=outputs("broken", place), **how)
    except Interrupted:
        stopped_at = place.step
    resumed = toy_parts(HalfBatches(), fabric=fabric)
    state = load_checkpoint(folder / "broken" / "model.pt")
    place = restore(resumed, state, folder)
    run(resumed, plan, place, outputs=outputs("broken", place), **how)

    register_toy()
    flags = {"model": "toy", "weights": "none", "batch": 2, "imgsz": 32, "workers": 0, "epochs": 1}
    out = folder / "session"
    made = run_training(Order(flags={**flags, "data": str(data)}, device="cpu", out=out))
    result = {
        "unbroken": snapshot(unbroken, place)["model"],
        "resumed": snapshot(resumed, place)["model"],
        "stopped_at": stopped_at,
        "session": str(made) if made else "",
    }
    torch.save(result, folder / f"rank{rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
