"""The INT8 form for CPUs runs wherever ONNX Runtime does: Python 3.6 has 1.10."""

from pathlib import Path

import pytest

pytest.importorskip("cv2")
pytest.importorskip("onnxruntime")

from edgedet.runtime import open_detector  # noqa: E402
from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend  # noqa: E402
from edgedet.runtime.candidates import candidates_of  # noqa: E402
from edgedet.runtime.engine_gate import reference_in  # noqa: E402
from edgedet.runtime.int8_gate import found_again, holds  # noqa: E402
from edgedet.runtime.model_reference import reference_frames  # noqa: E402
from edgedet.runtime.onnx_facts import operators_of  # noqa: E402

GOLDEN = Path(__file__).parent.parent / "golden"
EXACT, CPU = GOLDEN / "tiny_int8.onnx", GOLDEN / "tiny_int8.cpu.onnx"
SCORES = [0.5360, 0.5223, 0.5205, 0.5069]
"""Of the first frame, as ONNX Runtime 1.31 found them with VNNI. Others may round another way."""


def test_it_finds_what_the_model_finds():
    assert {"QuantizeLinear", "DequantizeLinear"} <= operators_of(CPU)
    with OnnxRuntimeBackend(CPU) as backend:
        assert backend.spec.provenance["int8_form"] == "cpu"
        frames = reference_frames(backend.spec.size_hw)
        found = [
            one._replace(boxes_xyxy=one.boxes_xyxy.copy(), scores=one.scores.copy())
            for one in candidates_of(backend, frames)
        ]
    assert found[0].scores.tolist() == pytest.approx(SCORES, abs=0.005)
    gate = found_again(reference_in(EXACT), found)
    assert gate["found_again"] == gate["candidates"] == 8
    assert holds(gate)


def test_a_detector_opens_it_as_any_other():
    frame = reference_frames((16, 16))[0]
    with open_detector(CPU, conf=0.0) as int8, open_detector(EXACT, conf=0.0) as exact:
        assert len(int8(frame)) == len(exact(frame)) > 0
