"""docs/field_failures.md names what exists; and two of its promises that no other test holds."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "field_failures.md"
ITEMS = [*range(1, 38), 43, 44]
ROW = re.compile(r"^\| (\d+) \|(.*)\|$", re.M)
NAMED = re.compile(r"`([\w./-]+)(?:::(\w+))?`")
SHIPPED = ("edgedet", "export", "calibration", "runtime")
INSTALLERS = {"pip", "pip3", "apt", "apt-get", "conda", "uv", "ensurepip"}


def rows() -> dict[int, list[str]]:
    """Number of each failure -> failure, what is done, where, tests."""
    found = ROW.findall(PAGE.read_text())
    return {int(number): [cell.strip() for cell in cells.split("|")] for number, cells in found}


def product_files() -> Iterator[Path]:
    for folder in SHIPPED:
        yield from sorted((ROOT / folder).rglob("*.py"))


def words_of(call: ast.Call) -> Iterator[str]:
    """The words of the texts that a call is given, in lists as well."""
    for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
        for node in ast.walk(argument):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from node.value.split()


def calls(path: Path, names: set[str]) -> list[ast.Call]:
    """The calls in a file of functions and methods with these names."""
    found = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return [call for call in found if ast.unparse(call.func).rpartition(".")[2] in names]


def test_every_failure_is_there() -> None:
    assert sorted(rows()) == ITEMS


@pytest.mark.parametrize("number", ITEMS)
def test_the_files_and_tests_of_a_failure_exist(number: int) -> None:
    failure, done, where, tests = rows()[number]
    assert failure
    assert done
    files, named = NAMED.findall(where), NAMED.findall(tests)
    assert files
    assert named
    for file, _ in files:
        assert (ROOT / file).is_file(), file
    for file, test in named:
        functions = re.findall(r"^def (test_\w+)", (ROOT / file).read_text(), re.M)
        assert test in functions, f"{file} has no {test}"


def test_what_is_not_handled_is_listed() -> None:
    """And nothing else is."""
    said = {number for number, cells in rows().items() if "Not handled" in cells[1]}
    listed = PAGE.read_text().partition("## Not handled")[2]
    assert {int(number) for number in re.findall(r"^- (\d+):", listed, re.M)} == said


def test_nothing_is_installed_by_itself() -> None:
    """No program is started whose command has the name of an installer in it."""
    starts = {"run", "Popen", "call", "check_call", "check_output", "system", "run_module"}
    for path in product_files():
        started = {Path(word).name for call in calls(path, starts) for word in words_of(call)}
        assert not INSTALLERS & started, path


def test_nptype_is_never_called() -> None:
    assert not [path for path in product_files() if calls(path, {"nptype"})]
