"""A study on a data set: what is trained, what is not trained again, and what is written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from toy_study import NAME, register_toy_study, request
from training_toys import write_coco

from edgedet.cli import main
from edgedet.experiments import trial
from edgedet.experiments.report import report_text
from edgedet.experiments.reproduction import Reproduction, reproduce_study
from edgedet.runtime.errors import DataError, ModelError, UsageError


@pytest.fixture(scope="module", autouse=True)
def toys() -> None:
    register_toy_study()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def made(folder: Path) -> Reproduction:
    return reproduce_study(request(folder, seeds=2, tables=("1", "2", "3")))


def results(out: Path) -> dict[str, int]:
    files = out.glob("runs/*/*/result.json")
    return {str(file.relative_to(out)): file.stat().st_mtime_ns for file in files}


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(order: Any) -> None:
        raise AssertionError("trained")

    monkeypatch.setattr(trial, "run_training", refuse)


def row(made: Reproduction, title: str) -> dict[str, str]:
    sheet = made.sheets[0]
    cells = next(cells for cells in sheet.rows if cells[0] == title)
    return dict(zip(sheet.columns, cells, strict=True))


def test_equal_settings_are_one_run_however_many_rows_and_tables_they_have(
    made: Reproduction,
) -> None:
    assert made.outcome.trained == 4
    assert len(results(made.folder)) == 4
    names = {path.name.rpartition("-")[0] for path in (made.folder / "runs").iterdir()}
    assert names == {"toy", "toy-dropout-0.2"}
    assert row(made, "plain toy")["AP50"] == row(made, "plain, said otherwise")["AP50"]


def test_a_run_is_a_folder_of_train_and_its_result_says_where_it_comes_from(
    made: Reproduction,
) -> None:
    run = next((made.folder / "runs").glob("toy-dropout*")) / "seed-1"
    assert {"model.pt", "best.pt", "recipe.yaml", "metrics.json", "results.csv"} <= {
        path.name for path in run.iterdir()
    }
    result = json.loads((run / "result.json").read_text())
    assert result["seed"] == yaml.safe_load((run / "recipe.yaml").read_text())["seed"] == 1
    assert result["options"]["dropout"] == 0.2
    assert [entry["epoch"] for entry in result["curve"]] == [1, 2]
    metrics = json.loads((run / "metrics.json").read_text())
    assert result["best"]["ap"] == pytest.approx(metrics["best"]["value"])
    assert result["best"]["epoch"] == metrics["best"]["epoch"]
    assert set(result["best"]["classes"]) == {"disc", "box"}
    assert result["origin"]["machine"]["usable_cores"] >= 1


def test_a_second_call_trains_nothing_and_rebuilds_the_tables(
    made: Reproduction, folder: Path, no_training: None
) -> None:
    before = results(made.folder)
    written = {file: file.read_bytes() for file in made.folder.glob("1*")}
    assert {file.name for file in written} == {"1.md", "1.json", "1_curves.svg", "1_dots.svg"}
    for file in written:
        file.unlink()
    again = reproduce_study(request(folder, seeds=2))
    assert again.outcome.already == 4
    assert results(made.folder) == before
    assert {file: file.read_bytes() for file in written} == written
    assert again.sheets == made.sheets[:1]


def test_table_only_shows_what_is_there(
    made: Reproduction, folder: Path, no_training: None
) -> None:
    shown = reproduce_study(request(folder, seeds=9, train=False))
    assert row(shown, "plain toy")["seeds"] == "2"
    assert shown.outcome.trained == shown.outcome.left == 0


def test_more_seeds_of_one_variant_only(made: Reproduction, folder: Path, tmp_path: Path) -> None:
    before = results(made.folder)
    more = reproduce_study(request(folder, seeds=3, variants=("dropout",)))
    assert (more.outcome.trained, more.outcome.already) == (1, 2)
    assert row(more, "more dropout")["seeds"] == "3"
    assert row(more, "plain toy")["seeds"] == "2"
    assert before.items() <= results(made.folder).items()


def test_a_row_that_cannot_be_says_why(made: Reproduction) -> None:
    assert row(made, "wide toy")["seeds"] == "not run"
    assert "not run: needs 9 classes, here are 2: wide toy" in made.sheets[0].footnotes
    text = (made.folder / "1.md").read_text()
    assert "needs 9 classes" in text
    assert "- True." in text
    assert "- Toys." in text
    assert "| plain toy | 36 | 82 |" in text


def test_the_terminal_and_json(made: Reproduction) -> None:
    assert "runs: 4 trained; tables in" in report_text(made, as_json=False)
    told = json.loads(report_text(made, as_json=True))
    assert told["did"]["trained"] == 4
    assert [sheet["name"] for sheet in told["tables"]] == ["1", "2", "3"]


def test_the_json_of_a_table_holds_every_seed(made: Reproduction) -> None:
    rows = {r["variant"]: r for r in json.loads((made.folder / "1.json").read_text())["rows"]}
    ours = rows["plain"]["ours"]["ap50"]
    assert len(ours["values"]) == 2
    assert ours["mean"] == pytest.approx(sum(ours["values"]) / 2)
    assert rows["wide"]["ours"]["ap50"]["mean"] is None
    assert rows["wide"]["not_run"] == "not run: needs 9 classes, here are 2"
    assert rows["plain"]["printed"] == {"ap": 36, "ap50": 82}


def test_without_time_nothing_begins(folder: Path, made: Reproduction, no_training: None) -> None:
    short = reproduce_study(request(folder, seeds=9, minutes=0))
    assert short.outcome.left > 0
    assert short.outcome.trained == 0


def test_other_data_and_other_settings_are_other_runs(folder: Path, made: Reproduction) -> None:
    before = results(made.folder)
    other = reproduce_study(request(folder, flags={"epochs": 1}, variants=("plain",)))
    assert other.outcome.trained == 1
    write_coco(folder / "less", train=8)
    less = {"data": str(folder / "less"), "epochs": 1}
    assert reproduce_study(request(folder, flags=less, variants=("plain",))).outcome.trained == 1
    moved = {"data": str((folder / "less").rename(folder / "moved")), "epochs": 1}
    assert reproduce_study(request(folder, flags=moved, variants=("plain",))).outcome.already == 1
    assert before.items() < results(made.folder).items()


def test_a_training_that_fails_is_told_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = trial.run_training

    def fail(order: Any) -> Any:
        if order.flags["model_options"]["dropout"] > 0.15:
            raise ModelError("a finite loss", "inf", "lower lr")
        return train(order)

    monkeypatch.setattr(trial, "run_training", fail)
    flags = {"epochs": 1, "model_options": {"dropout": 0.1}}
    made = reproduce_study(request(tmp_path, flags=flags))
    assert made.outcome.trained == 1
    assert made.outcome.exit_code == ModelError.exit_code
    expected = "not run: expected a finite loss, found inf; lower lr: more dropout"
    assert expected in made.sheets[0].footnotes


def test_a_failure_is_the_exit_code_of_the_verb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(order: Any) -> Any:
        raise ModelError("a finite loss", "inf", "lower lr")

    monkeypatch.setattr(trial, "run_training", fail)
    made = request(tmp_path)
    words = [NAME, "--data", made.flags["data"], "--out", str(made.out), "--seeds", "1"]
    words += ["--device", "cpu", "--weights", "none"]
    assert main(["reproduce", *words]) == ModelError.exit_code
    assert "runs: 2 failed" in capsys.readouterr().out


def test_a_seed_that_fails_is_told_beside_those_that_did_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = trial.run_training

    def fail(order: Any) -> Any:
        if order.flags["seed"] == 1:
            raise ModelError("a finite loss", "inf", "lower lr")
        return train(order)

    monkeypatch.setattr(trial, "run_training", fail)
    made = reproduce_study(request(tmp_path, flags={"epochs": 1}, variants=("plain",), seeds=3))
    assert made.outcome.trained == 2
    assert [run.rpartition("/")[2] for run in made.outcome.failures] == ["seed-1"]
    assert row(made, "plain toy")["seeds"] == "2"
    told = next(note for note in made.sheets[0].footnotes if note.startswith("without"))
    assert told.startswith("without seed-1: expected a finite loss, found inf; lower lr: plain toy")


def test_a_changed_default_is_not_mixed_with_finished_runs(
    folder: Path, made: Reproduction, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in made.folder.glob("runs/toy-dropout*/seed-0/result.json"):
        content = json.loads(file.read_text())
        changed = {**content, "recipe": {**content["recipe"], "clip_norm": 77.0}}
        monkeypatch.setattr(Path, "read_text", _reading(file, json.dumps(changed)))
    with pytest.raises(UsageError, match="found earlier ones with 77.0, the default of then"):
        reproduce_study(request(folder, train=False))


def _reading(changed: Path, content: str) -> Any:
    read = Path.read_text
    return lambda self, **how: content if self == changed else read(self, **how)


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"tables": ("4",)}, UsageError, "a table of toy-study out of 1, 2, 3"),
        ({"variants": ("plian",)}, UsageError, "did you mean 'plain'"),
        ({"flags": {"model_options": {"dropuot": 1}}}, UsageError, "did you mean 'dropout'"),
        ({"flags": {"data": ""}}, UsageError, "no --data"),
        ({"flags": {"data": "nowhere"}}, DataError, "nowhere"),
        ({"device": "tpu"}, UsageError, "tpu"),
    ],
)
def test_bad_input(
    tmp_path: Path, changes: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        reproduce_study(request(tmp_path, **changes))
    assert not (tmp_path / "out").exists()


def test_an_unknown_study_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"did you mean '{NAME}'"):
        reproduce_study(replace(request(tmp_path), study="toy-stude"))
