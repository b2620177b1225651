"""Every study that ships: its names, references and settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from training_toys import write_coco

from edgedet.experiments.recipes import variant_recipe
from edgedet.experiments.ssd_training import AUGMENT, PLAIN
from edgedet.experiments.studies import STUDIES, study_named
from edgedet.experiments.study import Comparison
from edgedet.experiments.variant import Subject
from edgedet.models.registry import resolve_options
from edgedet.runtime.errors import UsageError
from edgedet.training.labelled import open_labelled

BASE: dict[str, Any] = {"model": "scale_aware_ssd", "weights": "none", "data": "/data"}


@pytest.mark.parametrize("name", STUDIES)
def test_tables_are_consistent(name: str) -> None:
    study = study_named(name)
    assert study.name == name
    assert {table.name for table in study.tables} >= set(study.usual)
    for table in study.tables:
        if isinstance(table, Comparison):
            names = [variant.name for variant in table.variants]
            assert len(set(names)) == len(names)
            assert table.reference in names


def test_settings_of_the_training_study_are_known_and_differ(tmp_path: Path) -> None:
    """Unknown options would raise; two variants of one recipe would be one row twice."""
    subject = Subject(open_labelled(str(write_coco(tmp_path)), "xywh"), 512, "none")
    for table in study_named("ssd-training").tables:
        assert isinstance(table, Comparison)
        recipes = [variant_recipe(BASE, v.model, v.changes_for(subject)) for v in table.variants]
        resolved = [(repr(r), repr(resolve_options(r.model, r.model_options))) for r in recipes]
        assert len(set(resolved)) == len(resolved)


def test_plain_augmentation_is_none_whatever_the_base_says() -> None:
    base = {**BASE, "augment": ["vflip"]}
    assert variant_recipe(base, PLAIN.model, PLAIN.changes).augment == ()  # type: ignore[arg-type]
    names = {variant.name for variant in AUGMENT.variants}
    assert "augment-hflip-mosaic" in names


def test_unknown_study_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="ssd-training"):
        study_named("ssd-trainig")
