"""`results.csv` over interruptions."""

from pathlib import Path

from edgedet.training.results_csv import ResultsCsv


def row(epoch: int, ap: float | None = 0.5) -> dict[str, float | int | None]:
    return {"epoch": epoch, "loss": 1 / epoch, "ap": ap}


def test_one_row_for_each_epoch_however_often_resumed(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    first = ResultsCsv(path, 0)
    for epoch in (1, 2, 3):
        first.add(row(epoch))
    # Killed after row 3 was written and before its checkpoint was: epoch 3 runs again.
    second = ResultsCsv(path, 2)
    for epoch in (3, 4):
        second.add(row(epoch, None if epoch == 4 else 0.75))
    assert path.read_text() == "epoch,loss,ap\n1,1,0.5\n2,0.5,0.5\n3,0.3333333,0.75\n4,0.25,\n"


def test_a_new_run_drops_old_rows(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    ResultsCsv(path, 0).add(row(1))
    ResultsCsv(path, 0).add(row(1, 0.25))
    assert path.read_text().splitlines()[1:] == ["1,1,0.25"]
