"""What the README and docs/ tell people to type exists; the README's road runs (slow)."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from edgedet import cli

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "docker").glob("*.md")),
]
BLOCK = re.compile(r"(?P<mark><!-- tested[^\n]*-->\n)?```(?P<kind>\w*)\n(?P<text>.*?)```", re.S)
INLINE = re.compile(r"`((?:edgedet|make) [^`]+)`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")


class Block(NamedTuple):
    """One fenced block of a page."""

    kind: str
    text: str
    runs: bool


def blocks(page: Path) -> list[Block]:
    found = BLOCK.finditer(page.read_text())
    return [Block(m["kind"], m["text"], m["mark"] is not None) for m in found]


def lines(block: Block) -> list[str]:
    joined = block.text.replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip()]


def commands(page: Path, program: str) -> list[list[str]]:
    """Every command of that program in the page's shell blocks and between backticks."""
    typed = [line for block in blocks(page) if block.kind == "sh" for line in lines(block)]
    typed += INLINE.findall(page.read_text())
    words = (shlex.split(line, comments=True) for line in typed)
    return [word for word in words if word and Path(word[0]).name == program]


def problems(words: list[str]) -> list[str]:
    """What edgedet would not understand of a command line."""
    group = cli.typer.main.get_command(cli.build_app())
    if len(words) < 2 or words[1].startswith("--") or not words[1].islower():
        return []
    verb = group.commands.get(words[1])  # type: ignore[attr-defined]
    if verb is None:
        return [f"edgedet has no verb {words[1]}"]
    known = {"--help", *(name for p in verb.params for name in [*p.opts, *p.secondary_opts])}
    flags = [word.partition("=")[0] for word in words[2:] if word.startswith("-")]
    return [f"edgedet {words[1]} has no {flag}" for flag in flags if flag not in known]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_command_exists(page: Path) -> None:
    wrong = [p for words in commands(page, "edgedet") for p in problems(words)]
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_target_of_make_exists(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    asked = {words[1] for words in commands(page, "make")}
    assert asked <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert not missing


def test_the_first_two_commands_do_all_the_set_up() -> None:
    first = next(block for block in blocks(ROOT / "README.md") if block.kind == "sh")
    assert lines(first) == ["make demo", "make test"]


def test_the_recipe_in_the_docs_is_one(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    from edgedet.recipe import load_recipe

    recipes = [b for b in blocks(ROOT / "docs" / "training.md") if b.kind == "yaml"]
    assert recipes
    for number, block in enumerate(recipes):
        path = tmp_path / f"{number}.yaml"
        path.write_text(block.text)
        load_recipe(path)


@pytest.mark.slow
def test_the_road_runs_as_it_is_written(tmp_path: Path) -> None:
    """The blocks marked as tested, in their order, in an empty folder."""
    marked = [block for block in blocks(ROOT / "README.md") if block.runs]
    assert [block.kind for block in marked] == ["sh", "python"]
    edgedet = [sys.executable, "-c", "import sys; from edgedet.cli import main; sys.exit(main())"]
    for line in lines(marked[0]):
        words = shlex.split(line)
        assert words[0] == "edgedet"
        run([*edgedet, *words[1:]], tmp_path)
    printed = run([sys.executable, "-c", marked[1].text], tmp_path)
    assert any(name in printed for name in ("circle", "square", "triangle"))


def run(command: list[str], folder: Path) -> str:
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{command}\n{ran.stderr}"
    return ran.stdout
