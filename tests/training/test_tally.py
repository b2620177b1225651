"""Means of an epoch."""

import torch
from lightning.fabric import Fabric

from edgedet.training.tally import Tally


def test_means_are_by_batch_and_by_image_and_survive_saving() -> None:
    fabric = Fabric(accelerator="cpu", devices=1)
    tally = Tally()
    tally.add({"box": torch.tensor(1.0), "class": torch.tensor(2.0)}, {"n_pos": torch.tensor(9)}, 4)
    again = Tally()
    again.load_state_dict(tally.state_dict(), fabric)
    for each in (tally, again):
        each.add(
            {"box": torch.tensor(3.0), "class": torch.tensor(0.5)}, {"n_pos": torch.tensor(3)}, 2
        )
        each.seconds = 3.0
    assert tally.means() == {
        "loss": 3.25,
        "loss_box": 2.0,
        "loss_class": 1.25,
        "n_pos": 2.0,
        "images_per_s": 2.0,
    }
    assert again.means() == tally.means()


def test_one_process_has_nothing_to_merge() -> None:
    tally = Tally()
    tally.merge(Fabric(accelerator="cpu", devices=1))
    assert tally.state_dict()["images"] == 0
