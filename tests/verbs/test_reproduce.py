"""What `edgedet reproduce` refuses, in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgedet.cli import main


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["scale-aware-sdd"], "did you mean 'scale-aware-ssd'"),
        (["scale-aware-ssd", "--tables", "9"], "a table of scale-aware-ssd out of 2, 3, 4"),
        (["scale-aware-ssd", "--tables", "2, 9"], "found '9'"),
        (["scale-aware-ssd", "--variants", "dsn"], "did you mean 'dns'"),
        (["scale-aware-ssd", "--tables", "2", "--variants", "dns"], "variant of these tables"),
        (["scale-aware-ssd", "--recipe", "nowhere.yaml"], "nowhere.yaml"),
        (["scale-aware-ssd", "--seeds", "0"], "--seeds"),
    ],
)
def test_bad_usage_is_one_line_and_leaves_nothing(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main(["reproduce", *words, *data]) == 2
    told = capsys.readouterr()
    assert message in told.err
    assert told.err.count("\n") == 1
    assert not told.out
    assert not (tmp_path / "out").exists()
