"""Sources without prose say the same, on the same lines."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from edgedet.export.bare_source import bare_source

RUNTIME = sorted((Path(__file__).resolve().parents[2] / "runtime").rglob("*.py"))

CASES = {
    "comments go, and strings with a # stay": ('x = "# no"  # yes\n', 'x = "# no"\n'),
    "a docstring of several lines leaves their lines": (
        '"""One\ntwo\n"""\nx = 1\n',
        "\n\n\nx = 1\n",
    ),
    "a body that is prose only keeps something": (
        'class A:\n    """B."""\n',
        "class A:\n    ...\n",
    ),
    "attributes may have prose, too": ('A = 1\n"""One."""\nB = 2\n', "A = 1\n\nB = 2\n"),
    "letters of several bytes": ('"""ä ö 数"""\nx = "ü"  # ß\n', '\nx = "ü"\n'),
    "a string that is used stays": ('f("""a\nb""")\n', 'f("""a\nb""")\n'),
}


@pytest.mark.parametrize(("source", "bare"), CASES.values(), ids=CASES.keys())
def test_what_goes_and_what_stays(source: str, bare: str) -> None:
    assert bare_source(source).strip("\n") == bare.strip("\n")
    assert bare_source(source).index(bare.strip()) >= 0


class Prose(ast.NodeTransformer):
    """Takes strings that stand alone out of a tree."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:  # noqa: N802 - ast's name
        value = node.value
        if isinstance(value, ast.Constant) and (isinstance(value.value, str) or value.value is ...):
            return None
        return node


@pytest.mark.parametrize("file", RUNTIME, ids=[file.name for file in RUNTIME])
def test_every_file_of_the_runtime_is_the_same_program_on_the_same_lines(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    before, after = (Prose().visit(ast.parse(text)) for text in (source, bare_source(source)))
    assert ast.dump(after) == ast.dump(before)
    assert places(after) == places(before)


def places(tree: ast.AST) -> list[tuple[int, int]]:
    """Where each node begins."""
    nodes = (node for node in ast.walk(tree) if hasattr(node, "lineno"))
    return [(node.lineno, node.col_offset) for node in nodes]
