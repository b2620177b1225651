"""The report as JSON, as a table, and as an error."""

import json
from pathlib import Path

import pytest
from clean_data import add_object, check, edit_coco, write_clean

from edgedet.checks.report import EXAMPLES, SCHEMA_VERSION, CheckReport, Finding, Kind, Place
from edgedet.checks.table import table_text
from edgedet.runtime.errors import DataError


def report_of(*severities: str) -> CheckReport:
    findings = [
        Finding(f"code-{s}", s, "3 things", 3, (Place("a", ""),), "mend") for s in severities
    ]
    return CheckReport("some/data", "coco", (), {}, tuple(findings))


@pytest.mark.parametrize(
    ("severities", "strict", "told"),
    [
        ([], True, None),
        (["note", "note"], True, None),
        (["warning"], False, None),
        (["warning", "note"], True, "expected no error and no warning .*0 errors and 1 warning;"),
        (["error", "error"], False, "expected no error in some/data, found 2 errors and 0 warn"),
        (["error", "warning"], True, "1 error and 1 warning"),
    ],
)
def test_what_fails(severities: list[str], strict: bool, told: str | None) -> None:
    report = report_of(*severities)
    if told is None:
        report.raise_if(strict=strict)
        return
    with pytest.raises(DataError, match=told) as caught:
        report.raise_if(strict=strict)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


def test_json(tmp_path: Path) -> None:
    folder = write_clean(tmp_path, "coco")
    add_object(folder, "coco", 0, (90, 0, 95, 5))
    document = json.loads(check(folder).to_json())
    assert document["schema_version"] == SCHEMA_VERSION
    assert document["counts"] == {"error": 1, "warning": 0, "note": 0}
    assert document["splits"][0]["objects"] == {"cat": 15, "dog": 15, "owl": 15}
    assert document["auto_weights"] == {"cat": 1.0, "dog": 1.0, "owl": 1.0}
    (finding,) = document["findings"]
    assert finding["code"] == "box-outside"
    assert finding["examples"] == [
        {"file": "annotations/train.json", "where": "annotation 1045 on train0.png"}
    ]
    assert set(finding) == {"code", "severity", "what", "count", "examples", "fix"}


def test_few_examples_of_many_places() -> None:
    kind = Kind("code", "note", "mend")
    places = [Place(str(number), "") for number in range(9)]
    (finding,) = kind.found("9 things", places)
    assert (finding.count, finding.examples) == (9, tuple(places[:EXAMPLES]))
    assert kind.found("none", []) == []


def test_table(tmp_path: Path) -> None:
    folder = write_clean(tmp_path, "coco")
    for split in ("train", "val"):
        edit_coco(folder, lambda d: d["categories"][0].update(name="[red]"), split)
    for number in range(7):
        add_object(folder, "coco", 0, (90, number, 95, 9))
    add_object(folder, "coco", 0, (70, 50, 90, 58))
    text = table_text(check(folder))
    assert "\x1b" not in text
    for told in (
        "auto weight",
        "[red]",
        "error box-outside: 7 boxes wholly outside its image",
        "annotations/train.json  annotation 1045 on train0.png",
        "...",
        "warning box-over-edge: 1 box partly outside the image, by up to 10 px",
        "1 error, 1 warning, 0 notes",
    ):
        assert told in text
