"""Python source without its prose, for a device: smaller, and with the same line numbers."""

from __future__ import annotations

import ast
import io
import tokenize


def bare_source(source: str) -> str:
    """Return `source` without comments and docstrings; every statement stays on its line.

    So a traceback of the device names the lines of the sources. Strings that stand alone as a
    statement are docstrings, of attributes too; one that is all a body has becomes `...`.
    """
    lines = source.splitlines(keepends=True)
    for first, last, text in sorted(_docstrings(source) + _comments(source), reverse=True):
        _replace(lines, first, last, text)
    bare = "".join(line.rstrip() + "\n" for line in "".join(lines).split("\n"))
    return bare.rstrip("\n") + "\n"


Place = tuple[int, int]
"""Row from 0, and column in characters."""


def _docstrings(source: str) -> list[tuple[Place, Place, str]]:
    found, lines = [], source.splitlines()
    for body in _bodies(ast.parse(source)):
        strings = [each for each in body if _is_string(each)]
        for each in strings:
            assert each.end_lineno is not None
            assert each.end_col_offset is not None
            first = (each.lineno - 1, each.col_offset)
            row, n_bytes = each.end_lineno - 1, each.end_col_offset
            last = (row, len(lines[row].encode()[:n_bytes].decode()))
            alone = len(strings) == len(body) and each is strings[0]
            found.append((first, last, "..." if alone else ""))
    return found


def _bodies(tree: ast.Module) -> list[list[ast.stmt]]:
    """All lists of statements; the module's is no body that must have one."""
    fields = ("body", "orelse", "finalbody")
    lists = [getattr(node, field, None) for node in ast.walk(tree) for field in fields]
    return [each for each in lists if isinstance(each, list)]


def _is_string(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Constant):
        return False
    return isinstance(statement.value.value, str)


def _comments(source: str) -> list[tuple[Place, Place, str]]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [
        ((each.start[0] - 1, each.start[1]), (each.end[0] - 1, each.end[1]), "")
        for each in tokens
        if each.type == tokenize.COMMENT
    ]


def _replace(lines: list[str], first: Place, last: Place, text: str) -> None:
    """Put `text` in the place of what lies between; the lines stay as many as they are."""
    head, tail = lines[first[0]][: first[1]], lines[last[0]][last[1] :]
    lines[first[0]] = head + text + ("\n" * (last[0] - first[0])) + tail
    for row in range(first[0] + 1, last[0] + 1):
        lines[row] = ""
