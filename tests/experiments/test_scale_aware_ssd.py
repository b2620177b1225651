"""The study of scale-aware SSD against its paper's tables and its spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_toys import write_coco

from edgedet.experiments import ssd_variants
from edgedet.experiments.alignment import a_score_text, alignment_sheet
from edgedet.experiments.campaign import resolve_entry
from edgedet.experiments.pretrained import trunk_file
from edgedet.experiments.recipes import variant_recipe
from edgedet.experiments.scale_aware_ssd import DETECTORS, study
from edgedet.experiments.store import Store
from edgedet.experiments.study import Comparison, trained_variants
from edgedet.experiments.variant import NotRunError, Subject, Variant
from edgedet.models.registry import build_model, resolve_options
from edgedet.models.weights import load_trunk_weights
from edgedet.published import published_table
from edgedet.runtime.spec import spec_to_json
from edgedet.training.checkpoint import save_checkpoint
from edgedet.training.labelled import Labelled, open_labelled

BASE: dict[str, Any] = {"model": "scale_aware_ssd", "weights": "none", "data": "/data"}
COMPARISONS = [table for table in study().tables if isinstance(table, Comparison)]
VARIANTS = trained_variants(COMPARISONS, ())


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Labelled:
    return open_labelled(str(write_coco(tmp_path_factory.mktemp("data"))), "xywh")


@pytest.fixture
def subject(labelled: Labelled, tmp_path: Path) -> Subject:
    return Subject(labelled, 512, "none", folder=tmp_path)


class Counted:
    """Labels of `counts` objects by class, and nothing else."""

    def __init__(self, *counts: int) -> None:
        self.class_names = tuple("abcdef"[: len(counts)])
        self._counts = np.array(counts)

    def counts(self) -> Any:
        return self._counts


def subject_of(*counts: int) -> Subject:
    data: Any = Counted(*counts)
    return Subject(Labelled(data, data), 512)


def options(variant: Variant, *counts: int) -> dict[str, Any]:
    changes = variant.changes_for(subject_of(*counts))
    return dict(variant_recipe(BASE, variant.model, changes).model_options)


def test_the_tables_of_the_document() -> None:
    assert [table.name for table in study().tables] == ["2", "3", "4", "5", "6", "7", "8", "fit"]
    assert [table.name for table in study().choose(())] == ["fit"]
    assert [table.name for table in study().choose(("7", "2"))] == ["2", "7"]


@pytest.mark.parametrize("table", COMPARISONS, ids=lambda table: table.name)
def test_printed_columns_and_rows_exist(table: Comparison) -> None:
    assert table.reference in {variant.name for variant in table.variants}
    for variant in table.variants:
        if variant.printed:
            row = variant.printed.row()
            for metric in table.metrics:
                keys = (metric.printed, metric.printed_deviation, metric.printed_best)
                assert all(isinstance(row[key], int | float) for key in keys if key)


@pytest.mark.parametrize("number", ["3", "5", "6", "7", "8"])
def test_every_printed_row_has_its_variant(number: str) -> None:
    (table,) = study().choose((number,))
    rows = [variant.printed.row() for variant in table.variants if variant.printed]
    printed = published_table(f"ssd.T{number}").rows
    assert all(row in rows for row in printed)
    assert len(rows) == len(printed)


def test_a_name_is_one_training_in_all_tables() -> None:
    every = [variant for table in COMPARISONS for variant in table.variants]
    for variant in every:
        same = [other for other in every if other.name == variant.name]
        assert {(other.model, id(other.changes)) for other in same} == {
            (variant.model, id(variant.changes))
        }


def test_every_variant_can_be_resolved_or_says_why(subject: Subject, tmp_path: Path) -> None:
    """On two classes; `edgedet scales` has tests of its own."""
    cheap = [variant for variant in VARIANTS if not variant.recorded]
    entries = {v.name: resolve_entry(v, BASE, subject, Store(tmp_path)) for v in cheap}
    unable = {name: entry.reason for name, entry in entries.items() if entry.key is None}
    assert unable == {
        "pretrained": "give --pretrained FILE, a checkpoint trained on other objects",
        "weights-1-4-3.7": "needs 3 classes, here are 2",
        "weights-1-8-3.7": "needs 3 classes, here are 2",
        "weights-1-5-1": "needs 3 classes, here are 2",
    }
    assert entries["pipeline"].key == entries["dns-weights"].key
    assert entries["3to1"].key == entries["anchors-25-38-58-87"].key
    assert entries["weights-auto"].key == entries["weights-3to1"].key
    keys = {entry.key for entry in entries.values() if entry.key}
    assert len(keys) == len(entries) - len(unable) - 3


def test_the_fitted_recipe_is_asked_once(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def chosen(_: Subject) -> dict[str, Any]:
        asked.append(1)
        return {"anchors": (20.0 + len(asked), 38.0, 58.0, 87.0)}

    monkeypatch.setattr(ssd_variants, "_chosen", chosen)
    store = Store(tmp_path)
    first, second = (resolve_entry(ssd_variants.FITTED, BASE, subject, store) for _ in range(2))
    assert first == second
    assert len(asked) == 1
    assert first.recipe is not None
    assert first.recipe.model_options["anchors"] == [21.0, 38.0, 58.0, 87.0]


def test_with_one_class_weights_are_left_out() -> None:
    for variant in (ssd_variants.DNS_WEIGHTED, ssd_variants.AUTO_WEIGHTS):
        with pytest.raises(NotRunError, match="more than one class"):
            options(variant, 7)
    assert options(ssd_variants.PIPELINE, 7)["class_weights"] == "none"
    assert options(ssd_variants.PIPELINE, 7, 3)["class_weights"] == "auto"


def test_the_rarest_class_is_doubled() -> None:
    """n_max / n_c = 1, 4, 2, and a class without objects keeps 1."""
    given = options(ssd_variants.RAREST_DOUBLED, 80, 20, 40, 0)
    assert given["class_weights"] == [1.0, 8.0, 2.0, 1.0]
    assert options(ssd_variants.WEIGHT_LISTS[0], 5, 5, 5)["class_weights"] == [1, 4, 3.7]


@pytest.mark.parametrize("variant", ssd_variants.ANCHOR_SETS, ids=lambda variant: variant.name)
def test_a_scores_of_table_5(variant: Variant) -> None:
    """Spec 7: 1.93, 2.32, 1.93, 1.90, 2.17, 2.10, which round to the printed ones."""
    recipe = variant_recipe(BASE, variant.model, variant.changes_for(subject_of(1)))
    exact = {"20-41": "1.93", "25-38": "2.32", "25-43": "1.93", "28-45": "1.90"}
    exact |= {"30-45-60-80": "2.17", "30-45-60-90": "2.10"}
    name = variant.name.removeprefix("anchors-")
    assert a_score_text(recipe) == next(v for k, v in exact.items() if name.startswith(k))
    assert variant.printed is not None
    assert round(float(a_score_text(recipe)), 1) == variant.printed.row()["a_score"]


def test_a_diagonal_is_not_a_side_of_an_anchor() -> None:
    sides = variant_recipe(BASE, "scale_aware_ssd", {})
    told = {"model_options": {"anchor_measure": "diagonal"}}
    diagonals = variant_recipe(BASE, "scale_aware_ssd", told)
    expected = float(a_score_text(sides)) * 2**0.5
    assert float(a_score_text(diagonals)) == pytest.approx(expected, abs=0.02)


def test_table_2() -> None:
    scene: Any = None
    sheet = alignment_sheet(scene)
    fields = [row[3] for row in sheet.rows]
    assert fields == ["299", "491", "555", "683", "–", "43", "107", "139", "203", "–"]
    assert sheet.rows[4][4:] == ("10.6", "10.58")
    assert sheet.rows[9][4:] == ("2.3", "2.32")
    assert any("267 px" in note for note in sheet.footnotes)
    assert sum("too large" in note for note in sheet.footnotes) == 4


def test_peers_from_scratch_freeze_nothing(labelled: Labelled) -> None:
    for variant in DETECTORS[:3]:
        scratch = Subject(labelled, 512, "none")
        recipe = variant_recipe(BASE, variant.model, variant.changes_for(scratch))
        assert recipe.weights == "none"
        resolved = resolve_options(recipe.model, recipe.model_options)
        assert not resolved["frozen_blocks"]
        assert not resolved["frozen_norm"]
        trained = Subject(labelled, 512, "imagenet")
        assert variant.changes_for(trained) == {}


def test_the_trunk_of_a_checkpoint_is_what_a_new_detector_starts_from(tmp_path: Path) -> None:
    model: Any = build_model("scale_aware_ssd", ("pear",), {"imgsz": 64})
    state = {
        "builder": "scale_aware_ssd",
        "class_names": ["pear"],
        "options": {"imgsz": 64},
        "spec": spec_to_json(model.spec),
        "model": model.state_dict(),
        "ema": None,
    }
    save_checkpoint(tmp_path / "best.pt", state)
    file = trunk_file(tmp_path / "best.pt", tmp_path / "out")
    assert trunk_file(tmp_path / "best.pt", tmp_path / "out") == file
    other: Any = build_model("scale_aware_ssd", ("a", "b"), {"imgsz": 64})
    load_trunk_weights(other, str(file))
    ours, theirs = (m.maps.trunk.state_dict() for m in (model, other))
    assert all((ours[name] == theirs[name]).all() for name in ours)
