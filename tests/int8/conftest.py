"""The toy detector and data that it labelled, once for all tests of INT8."""

from __future__ import annotations

from pathlib import Path

import pytest
from self_labelled import exported, write_data


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "toy.onnx"
    exported(path)
    return path


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "noise", model)
