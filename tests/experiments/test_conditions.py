"""What a table says about how its runs were made."""

from __future__ import annotations

from pathlib import Path

from training_toys import write_coco

from edgedet.experiments.conditions import conditions
from edgedet.experiments.ssd_variants import FITTED
from edgedet.experiments.variant import Subject
from edgedet.recipe import Recipe
from edgedet.training.labelled import open_labelled

MACHINE = {"cpu": "Quick 9000", "usable_cores": 4, "gpu": []}


def test_what_differs_is_joined(tmp_path: Path) -> None:
    labelled = open_labelled(str(write_coco(tmp_path)), "xywh")
    recipes = [Recipe(epochs=5, batch=batch, imgsz=64) for batch in (4, 8, 4)]
    origins = [{"origin": {"device": "cpu", "machine": MACHINE}}] * 2
    line = conditions(recipes, origins, labelled)
    assert "epochs 5; batch 4 or 8; 64 px" in line
    assert f"{len(labelled.train.images)} images" in line
    assert line.endswith("4 cores of Quick 9000.")
    assert "Quick" not in conditions(recipes, [], labelled)


def test_a_fit_keeps_to_the_trunk_of_the_base_recipe(tmp_path: Path) -> None:
    labelled = open_labelled(str(write_coco(tmp_path)), "xywh")
    subject = Subject(labelled, 64, "none", options={"trunk": "resnet18", "sampler": "dns"})
    assert subject.fixed == {"trunk": "resnet18"}
    assert FITTED.changes_for(subject)["model_options"]["trunk"] == "resnet18"
