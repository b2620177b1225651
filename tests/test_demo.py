"""The demo walks the road and its page holds what the road gave."""

from __future__ import annotations

import json
import re
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edgedet.demo import run_demo
from edgedet.runtime.errors import UsageError
from edgedet.runtime.speed_report import SpeedRequest
from edgedet.verbs.demo import demo

VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Headings, pictures and unclosed tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.pictures: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.pictures.append(dict(attrs)["src"] or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    brief = partial(SpeedRequest, iterations=5, warmup=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edgedet.demo.SpeedRequest", brief)
        return run_demo(1, "shapes:train=8,val=4", tmp_path_factory.mktemp("demo") / "run")


def test_the_page_stands_alone_and_is_well_formed(page_file: Path) -> None:
    page = Page(page_file.read_text(encoding="utf-8"))
    assert page.open == []
    assert len(page.pictures) == 4
    assert all(re.match(r"data:image/(svg\+xml|png|jpeg);base64,", src) for src in page.pictures)


def test_the_page_says_what_the_files_say(page_file: Path) -> None:
    text = Page(page_file.read_text(encoding="utf-8")).text
    metrics = json.loads((page_file.parent / "eval" / "metrics.json").read_text())
    for scores in [metrics["all"], *metrics["classes"].values()]:
        assert f"{scores['ap50']:.3f}" in text
    for heading in ("Data", "Training", "Quality", "Export", "Speed", "What took how long"):
        assert heading in text


def test_the_demo_draws_its_own_data(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="use `edgedet train` for your own"):
        demo(epochs=1, data=str(tmp_path), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
