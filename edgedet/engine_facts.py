"""What `edgedet info` tells about an engine: its sidecar, and whether it fits this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edgedet.runtime.engine_file import EngineFacts, read_engine_facts, require_fit
from edgedet.runtime.engine_gate import gate_text
from edgedet.runtime.errors import DeviceError
from edgedet.runtime.gpu_identity import find_gpu
from edgedet.runtime.tensorrt_flavour import TITLES, open_flavour


def engine_facts(path: Path) -> dict[str, Any]:
    """Return plain values about the engine; `misfit` is None where it runs on this machine.

    ModelError when the engine or its sidecar is missing, damaged or edited.
    """
    facts = read_engine_facts(path)
    return {"kind": "engine", **facts._asdict(), "misfit": _misfit(path, facts)}


def engine_lines(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield name and text of each fact."""
    capabilities = "compute capability " + ", ".join(facts["compute_capabilities"])
    yield "built by", f"{TITLES[facts['flavour']]} {facts['version']}"
    yield "built in", f"{facts['build_seconds']:.1f} s"
    yield "runs on", f"{facts['gpu_name']}, {capabilities}" if facts["gpu_name"] else capabilities
    yield "precision", _precision(facts)
    if facts["layers_int8"]:
        yield "calibration", _calibration(facts)
    yield "accuracy", gate_text(facts["gate"])
    yield "built at", _conditions(facts)
    yield "made of", f"{facts['onnx_file']}, sha256 {facts['onnx_sha256']}"
    yield "this machine", facts["misfit"] or "has what it was built for"
    for kind in ("inputs", "outputs"):
        for tensor in facts[kind]:
            yield kind[:-1], f"{tensor['name']} {tensor['shape']} {tensor['dtype']}"


def _precision(facts: Mapping[str, Any]) -> str:
    counts = f"{facts['layers_fp16']} layers in FP16, {facts['layers_fp32']} in FP32"
    if facts["layers_int8"]:
        counts += f", {facts['layers_int8']} in INT8"
    return f"{facts['precision']}; {counts} (read from the {facts['precision_source']})"


def _calibration(facts: Mapping[str, Any]) -> str:
    """Which one it was, and what it did not cover."""
    known = facts["calibration_id"]
    told = f"sha256 {known}" if known else "not told by the model"
    lacking = (facts["quantised"] or {}).get("without_range", [])
    return f"{told}; no range of {', '.join(lacking)}" if lacking else told


def _conditions(facts: Mapping[str, Any]) -> str:
    clocks = [f"{name} {mhz:.0f} MHz" for name, mhz in sorted(facts["clocks_mhz"].items())]
    modes = [f"power mode {facts['power_mode']}"] if facts["power_mode"] else []
    return ", ".join(clocks + modes) or "unknown clocks"


def _misfit(path: Path, facts: EngineFacts) -> str | None:
    try:
        require_fit(path, facts, open_flavour(facts.flavour).version, find_gpu())
    except DeviceError as error:
        return str(error)
    return None
