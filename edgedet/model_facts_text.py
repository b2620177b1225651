"""The facts about a model file as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edgedet.engine_facts import engine_lines
from edgedet.runtime.int8_scales import CALIBRATION
from edgedet.runtime.spec import MIXED
from edgedet.target_text import target_text

SPEC_LINES = (
    ("input size", "{size_hw[1]}x{size_hw[0]} by {resize}"),
    ("input values", "{input_dtype} {input_layout} {color}, mean {mean}, std {std} of pixel/255"),
    ("thresholds", "score {score_threshold}, NMS IoU {nms_iou}, at most {max_detections} kept"),
)
FORMS = {"tensorrt": "TensorRT", "cpu": "CPUs"}
INT8_KEYS = ("int8_form", "int8_float_layers", "int8_method", "int8_images", CALIBRATION)
"""Of the provenance, told in lines of their own."""
NO_SPEC = "none: not exported by edgedet; --adapt recognises it and says how it runs"


def facts_text(facts: Mapping[str, Any]) -> str:
    """Return what `model_facts` found, one fact a line."""
    lines = [*_general(facts), *_spec(facts["spec"]), *_adaptation(facts.get("adaptation"))]
    width = max(len(name) for name, _ in lines)
    text = [f"{name:<{width}}  {line}" for name, line in lines]
    return "\n".join([*text, *([target_text(facts["target"])] if facts["target"] else [])])


def _general(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "file", f"{facts['file']}, {facts['bytes'] / 1e6:.1f} MB"
    yield "sha256", facts["sha256"]
    if "parameters" in facts:
        yield "parameters", f"{facts['parameters']:,}"
    kinds = {"onnx": _onnx, "checkpoint": _checkpoint, "engine": engine_lines}
    yield from kinds[facts["kind"]](facts)


def _adaptation(told: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    """How a model of others is used."""
    if told is None:
        return
    yield "family", f"{told['family']}: {told['form']}"
    for name in ("recognised", "assumed"):
        for line in told[name]:
            yield name, line
    verb = "written" if told["written"] else "kept: it says everything already"
    yield "spec file", f"{told['spec_file']}, {verb}"


def _onnx(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield (
        "ONNX",
        (
            f"opset {facts['opset']}, IR version {facts['ir_version']}, {facts['nodes']} nodes, "
            f"from {facts['producer'] or 'an unknown producer'}"
        ),
    )
    for kind in ("inputs", "outputs"):
        for tensor in facts[kind]:
            yield kind[:-1], f"{tensor['name']} {tensor['shape']} {tensor['dtype']}"


def _checkpoint(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    weights = "averaged (EMA)" if facts["averaged_weights"] else "as trained"
    yield "model", f"{facts['model']}, weights {weights}"
    for name, value in facts["options"].items():
        yield "option", f"{name} {value}"
    for name, value in facts["training"].items():
        yield name.replace("_", " "), _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name.replace('_', ' ')} {_plain(item)}" for name, item in value.items())
    return "-" if value is None else str(value)


def _spec(spec: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    if spec is None:
        yield "spec", NO_SPEC
        return
    yield "task", spec["task"]
    yield "classes", f"{len(spec['class_names'])}: {', '.join(spec['class_names'])}"
    for name, form in SPEC_LINES:
        yield name, form.format(**spec)
    yield from _precision(spec["provenance"])
    for name, value in sorted(spec["provenance"].items()):
        if name not in INT8_KEYS:
            yield "provenance", f"{name} {value}"


def _precision(provenance: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What INT8 in a graph is, and where its ranges come from, as far as the file says it."""
    precision = provenance.get("precision", "")
    if not precision.startswith("int8"):
        return
    told = {name: provenance.get(name, "?") for name in INT8_KEYS}
    around = ", FP16 around it" if precision == MIXED else ""
    form = FORMS.get(told["int8_form"], told["int8_form"])
    yield "precision", f"INT8 for {form}{around}; {told['int8_float_layers']} layers in float"
    ranges = f"{told['int8_method']} of {told['int8_images']} images"
    yield "calibration", f"{ranges}, sha256 {told[CALIBRATION]}"
