"""Size is a reviewed number: small files, small functions."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

FILE_LINES = 450
FUNCTION_LINES = 60
FOLDERS = ("runtime", "calibration", "export", "edgedet", "benchmarks")


def files(repo: Path, folder: str) -> list[Path]:
    return sorted((repo / folder).rglob("*.py"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_files_are_small(
    repo: Path, folder: str, record_property: Callable[[str, int], None]
) -> None:
    lines = {file: len(file.read_text().splitlines()) for file in files(repo, folder)}
    record_property(f"lines of {folder}", sum(lines.values()))
    assert {str(file): n for file, n in lines.items() if n > FILE_LINES} == {}


@pytest.mark.parametrize("folder", FOLDERS)
def test_functions_are_small(repo: Path, folder: str) -> None:
    long = [
        f"{file}:{node.lineno} {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for file in files(repo, folder)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= FUNCTION_LINES
    ]
    assert not long


@pytest.mark.parametrize("name", ["utils", "misc", "helpers", "common"])
def test_files_are_named_by_their_idea(repo: Path, name: str) -> None:
    assert [f for folder in FOLDERS for f in files(repo, folder) if f.stem == name] == []
