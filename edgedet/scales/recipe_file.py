"""The fitted recipe as a YAML file that says why each value was chosen."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from edgedet.data.shapes_options import is_shapes
from edgedet.runtime.atomic import atomic_path
from edgedet.runtime.errors import UsageError
from edgedet.scales.setting import Setting

COMMENT_WIDTH = 96


def check_new(path: Path) -> None:
    """Raise UsageError when something lies at `path`: a recipe may hold somebody's work."""
    if path.exists():
        raise UsageError("--write to name a new file", f"{path}", "name another or remove it")


def write_recipe(path: Path, text: str) -> None:
    """Write the recipe of `recipe_text`; UsageError as `check_new`, or for an unwritable place."""
    check_new(path)
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def recipe_text(
    heading: str, keys: Mapping[str, Setting], model_options: Mapping[str, Setting]
) -> str:
    """Return the YAML of a recipe: `keys`, then `model_options`, each under its reason.

    What neither names is left to the defaults of the model.
    """
    lines = [*_comment(heading, ""), ""]
    for name, setting in keys.items():
        lines += [*_comment(setting.reason, ""), _entry(name, setting.value)]
    lines.append("model_options:")
    for name, setting in model_options.items():
        lines += [*_comment(setting.reason, "  "), f"  {_entry(name, setting.value)}"]
    return "\n".join(lines) + "\n"


def data_as_seen_from(recipe: Path, data: str) -> str:
    """Return `data` as a recipe at `recipe` has to write it: relative when it lies beside or below.

    Elsewhere the absolute path: the way there through links may differ from how it is spelt.
    """
    if is_shapes(data):
        return data
    place, home = Path(data).expanduser().resolve(), recipe.resolve().parent
    if not place.is_relative_to(home):
        return str(place)
    below = os.path.relpath(place, home)
    # The generator's name; a folder called so needs the dot.
    return f"./{below}" if is_shapes(below) else below


def _entry(name: str, value: Any) -> str:
    # A list in brackets on one line, whatever its length: one option, one line.
    text = yaml.safe_dump(
        {name: value},
        default_flow_style=None if isinstance(value, list) else False,
        allow_unicode=True,
        width=float("inf"),
    )
    if isinstance(value, list):
        text = f"{name}: " + yaml.safe_dump(value, default_flow_style=True, width=float("inf"))
    return text.strip()


def _comment(text: str, indent: str) -> list[str]:
    """Return the lines of a comment. What YAML would not read in one is shown as its escape."""
    words, lines = _printable(text).split(), [""]
    for word in words:
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and len(indent) + 2 + len(longer) > COMMENT_WIDTH:
            lines.append(word)
        else:
            lines[-1] = longer
    return [f"{indent}# {line}".rstrip() for line in lines]


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() or c.isspace() else repr(c)[1:-1] for c in text)
