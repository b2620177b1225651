"""The shipped data files are what the collected facts say, not what someone typed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FILES = ("export/operator_facts.json", "runtime/devices.json")


@pytest.fixture
def maker(repo: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_facts", repo / ".ci" / "make_facts.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_making_them_again_changes_nothing(
    maker: ModuleType,
    repo: Path,
    shared_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(maker, "REPO", tmp_path)
    for name in FILES:
        (tmp_path / name).parent.mkdir()
    maker.main(shared_data.parent / "facts")
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (repo / name).read_bytes()
