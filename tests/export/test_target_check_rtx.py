"""What the gate says of TensorRT-RTX, beside what it says itself: real builds, on the CPU.

Skipped where it is not installed (`pip install 'edgedet[rtx]'`).
"""

from __future__ import annotations

from collections import Counter
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
    """One for the process, TensorRT keeps the first; what it says of bad graphs is no news."""

    class Silent(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            del severity, message

    return Silent()


def builds(path: Path, logger: Any) -> bool:
    builder = trt.Builder(logger)
    network = builder.create_network(0)
    if not trt.OnnxParser(network, logger).parse_from_file(str(path)):
        return False
    return builder.build_serialized_network(network, builder.create_builder_config()) is not None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_on_the_graphs_that_onnx_tests_its_operators_with(tmp_path: Path, logger: Any) -> None:
    """Some 1900, most of them of operators and types that no detector has."""
    from onnx.backend.test.case.node import collect_testcases

    counts: Counter[tuple[bool, str]] = Counter()
    wrongly_refused = set()
    for model in (case.model for case in collect_testcases(None) if case.model is not None):
        findings = check_target(model, target_named("rtx"))
        if any(finding.operator == "graph" for finding in findings):
            continue  # an opset that nobody tried
        onnx.save(model, tmp_path / "model.onnx")
        built = builds(tmp_path / "model.onnx", logger)
        refused = [finding.operator for finding in findings if finding.refused]
        counts[built, "refused" if refused else "remark" if findings else "clean"] += 1
        wrongly_refused |= {*(refused if built else ())}
    # Attention builds in some sizes; uint8 may also go into Equal.
    assert wrongly_refused <= {"Attention", "Equal"}, counts
    failed = sum(count for (built, _), count in counts.items() if not built)
    assert failed > 500
    assert counts[False, "clean"] < 0.03 * failed, counts


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
