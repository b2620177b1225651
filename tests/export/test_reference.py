"""An exported file holds its own answers, for the engines that are made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toy_detector import ToyDetector

from edgedet.export.from_torch import graph_from_torch
from edgedet.export.half import half_precision
from edgedet.export.half_proof import rehearsal_backend
from edgedet.export.metadata import read_spec
from edgedet.export.onnx_file import load_onnx, save_onnx
from edgedet.export.reference import write_reference
from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.candidates import Candidates, candidates_of
from edgedet.runtime.engine_gate import differences
from edgedet.runtime.model_reference import REFERENCE_KEY, reference_frames, reference_from_json
from edgedet.runtime.onnx_facts import metadata_text
from edgedet.runtime.spec import SPEC_KEY


@pytest.fixture
def answering(tmp_path: Path) -> Path:
    """A model of which two answers stand in its file, once."""
    graph, file = graph_from_torch(ToyDetector()), tmp_path / "model.onnx"
    for _ in range(2):
        save_onnx(graph, file)
        write_reference(graph, file)
    save_onnx(graph, file)
    assert [entry.key for entry in graph.metadata_props].count(REFERENCE_KEY) == 1
    return file


def answers_of(backend: OnnxRuntimeBackend) -> list[Candidates]:
    frames = reference_frames(backend.spec.size_hw)
    return [Candidates(*map(np.copy, one)) for one in candidates_of(backend, frames)]


def test_the_file_answers_as_it_says(answering: Path) -> None:
    text = metadata_text(answering, REFERENCE_KEY)
    assert text is not None
    assert len(text) < 20000
    with OnnxRuntimeBackend(answering) as backend:
        gate = differences(reference_from_json(text), answers_of(backend), 64)
    assert gate["differing"] == 0
    assert gate["matched"] > 0


def test_the_fp16_form_has_the_answers_of_fp32_and_agrees(answering: Path) -> None:
    half = half_precision(load_onnx(answering))
    values = {entry.key: entry.value for entry in half.metadata_props}
    assert values[REFERENCE_KEY] == metadata_text(answering, REFERENCE_KEY)
    assert SPEC_KEY in values
    with rehearsal_backend(half) as rehearsal:
        found = answers_of(rehearsal)
    gate = differences(
        reference_from_json(values[REFERENCE_KEY]), found, max(read_spec(half).size_hw)
    )
    assert gate["differing"] == 0
    assert gate["largest_box_px"] < 2
