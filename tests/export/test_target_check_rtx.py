"""What the gate says of TensorRT-RTX, beside what it says itself: real builds, on the CPU.

Skipped where it is not installed (`pip install 'edgedet[rtx]'`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
from target_cases import CASES, HARMLESS

from edgedet.export.target_check import check_target
from edgedet.export.targets import target_named

trt: Any = pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is not installed")
GRAPHS = [*(case[3] for case in CASES), *HARMLESS]


@pytest.fixture(scope="module")
def logger() -> Any:
    """One for the process: TensorRT keeps the first."""
    return trt.Logger(trt.Logger.INTERNAL_ERROR)


def builds(path: Path, logger: Any) -> bool:
    builder = trt.Builder(logger)
    network = builder.create_network(0)
    if not trt.OnnxParser(network, logger).parse_from_file(str(path)):
        return False
    return builder.build_serialized_network(network, builder.create_builder_config()) is not None


@pytest.mark.parametrize("model", GRAPHS, ids=lambda model: model.graph.node[0].op_type)
def test_the_gate_and_the_builder_agree(
    model: onnx.ModelProto, tmp_path: Path, logger: Any
) -> None:
    """Refused graphs do not build; those that do not build had at least a remark."""
    onnx.save(model, tmp_path / "model.onnx")
    findings = check_target(model, target_named("rtx"))
    if builds(tmp_path / "model.onnx", logger):
        assert [finding.text for finding in findings if finding.refused] == []
    else:
        assert findings
