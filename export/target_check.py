"""Whether a graph fits its target: unsupported operators, and those that are silently wrong.

The facts come from the importers' sources and documents; nothing is built here. A graph that
passes can still fail to build, one with an error or a wrong result does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .conditions import Condition
from .graph_view import GraphView, NodeView
from .hazards import HAZARDS, RESTRICTIONS
from .targets import Target

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto

ERROR = "error"
SILENT = "silent_wrong"
SEMANTICS = "semantics"
UNVERIFIED = "unverified"
NOTE = "note"
LEVELS = {
    ERROR: "the import or the build fails",
    SILENT: "it builds, and computes something else",
    SEMANTICS: "it differs from ONNX",
    UNVERIFIED: "nobody checked it on this target",
    NOTE: "worth knowing",
}
"""What a finding means, gravest first."""
REFUSED = (ERROR, SILENT)

INSTEAD = "change the model so that it does without, or choose another target"
UNCHECKED = Condition(lambda _: "not checked", "see whether it matters here")
"""Of a restriction without a function in `RESTRICTIONS`."""
SHAPE_INPUTS = {
    "ConstantOfShape": (0,),
    "Expand": (1,),
    "Pad": (1, 3),
    "Range": (0, 1, 2),
    "Reshape": (1,),
    "Resize": (1, 2, 3),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "Tile": (1,),
    "Upsample": (1,),
}
"""Inputs whose values decide the shape of the result."""
QUANTISED = ("QuantizeLinear", "DequantizeLinear")


@dataclass(frozen=True)
class Finding:
    """One thing about one node (or about the whole graph) that the target minds."""

    level: str
    """One of `LEVELS`."""
    node: str
    """The node's name, or the input or output."""
    operator: str
    """Its operator, or "input", "output", "graph"."""
    module: str | None
    """The PyTorch module it came from; None when the file does not tell."""
    why: str
    fix: str

    @property
    def refused(self) -> bool:
        """Whether the graph must not go to the target like this."""
        return self.level in REFUSED

    @property
    def text(self) -> str:
        """It in one line."""
        origin = f" from {self.module}" if self.module else ""
        level = self.level.replace("_", " ")
        return f"{level}: {self.operator} {self.node}{origin}: {self.why}; {self.fix}"

    def values(self) -> dict[str, Any]:
        """It as plain values for JSON."""
        return asdict(self)


def check_target(model: ModelProto, target: Target) -> list[Finding]:
    """Return what `target` minds about a graph, gravest first, then in the order of the graph.

    Works on any ONNX file; types and shapes are inferred where the file leaves them out.
    """
    view = GraphView(model)
    found = [finding for rule in GRAPH_RULES for finding in rule(view, target)]
    for node in view.nodes:
        found += [finding for rule in NODE_RULES for finding in rule(node, target)]
    order = list(LEVELS)
    return sorted(found, key=lambda finding: order.index(finding.level))


def _opset(view: GraphView, target: Target) -> Iterator[Finding]:
    first, last = target.opsets
    if not first <= view.opset <= last:
        why = f"opset {view.opset}; {target.title} is documented for {first} to {last}"
        note = target.facts["opset"].get("note")
        if note:
            why += f" ({note})"
        fix = f"export it again with opset {min(max(view.opset, first), last)}"
        yield Finding(UNVERIFIED, view.model.graph.name or "-", "graph", None, why, fix)


def _inputs_and_outputs(view: GraphView, target: Target) -> Iterator[Finding]:
    for kind, values in (("input", view.inputs), ("output", view.outputs)):
        for value in values:
            yield from _tensor_type(kind, value, view, target)
    for value in view.inputs:
        shape = view.shape(value.name)
        if shape is None or None in shape:
            why = "its shape is not fixed: an engine needs an optimisation profile for it"
            fix = "export it with a fixed batch and size"
            yield Finding(NOTE, value.name, "input", None, why, fix)


def _tensor_type(
    kind: str, value: ValueInfoProto, view: GraphView, target: Target
) -> Iterator[Finding]:
    dtype = view.dtype(value.name)
    down = target.facts["cast_down"]
    if dtype in down:
        why = f"{dtype} becomes {down[dtype]} there"
        yield Finding(NOTE, value.name, kind, None, why, "nothing, unless values are large")
    elif dtype is not None and dtype not in target.facts["io_types"]:
        fix = f"export it for --target {target.name}" if dtype == "UINT8" else "use float32"
        why = f"{target.title} has no {dtype}"
        yield Finding(ERROR, value.name, kind, None, why, fix)


def _uint8_into_cast(view: GraphView, target: Target) -> Iterator[Finding]:
    if not target.uint8:
        return
    inputs = {value.name for value in view.inputs if view.dtype(value.name) == "UINT8"}
    for node in view.nodes:
        read = inputs.intersection(node.node.input)
        if read and node.op_type != "Cast":
            why = f"reads the uint8 input {', '.join(read)}, which may go into a Cast only"
            yield _about(node, ERROR, why, "cast to float32 first, then everything else")


def _operator(node: NodeView, target: Target) -> Iterator[Finding]:
    facts = target.facts
    if node.op_type in facts["plugins"] and not _entry(node, target):
        why = f"a plugin, which {target.title} loads with libnvinfer_plugin"
        yield _about(node, NOTE, why, "build and run it with the plugin library loaded")
        return
    if not node.is_standard:
        why = f"the domain {node.node.domain} is none of ONNX, and no plugin of this name is known"
        yield _about(node, ERROR, why, INSTEAD)
        return
    entry = _entry(node, target)
    if entry is None or not entry["supported"]:
        yield _unsupported(node, target, entry or {})
    elif entry.get("note"):
        yield _about(node, NOTE, entry["note"], "try the build on the device")


def _unsupported(node: NodeView, target: Target, entry: dict[str, Any]) -> Finding:
    instead = entry.get("instead")
    fix = f"write it as {instead}" if instead else INSTEAD
    why = f"{target.title} does not have it"
    if entry.get("note"):
        why += f" ({entry['note']})"
    if node.op_type in target.later_operators:
        return _about(node, UNVERIFIED, f"{why} as far as known, later importers do", fix)
    return _about(node, ERROR, why, fix)


def _conditions(node: NodeView, target: Target) -> Iterator[Finding]:
    """Yield hazards, then the restrictions that say something else."""
    entry = _entry(node, target) or {}
    seen = set()
    for hazard in entry.get("hazards", ()):
        condition = HAZARDS[hazard["when"]]
        found = condition.judge(node)
        if found:
            seen.add(found)
            why = _reason(found, hazard["why"] or f"refused when {hazard['when']}", target)
            fix = hazard["fix"] or condition.fix
            yield _about(node, hazard["level"], why, fix)
    for sentence in entry.get("restrictions", ()):
        restriction = RESTRICTIONS.get(sentence, UNCHECKED)
        found = restriction.judge(node) if restriction else None
        if restriction and found and found not in seen:
            level = _level_of_restriction(sentence, target)
            yield _about(node, level, _reason(found, sentence, target), restriction.fix)


def _level_of_restriction(sentence: str, target: Target) -> str:
    if sentence not in RESTRICTIONS:
        return NOTE
    # What the importer of 10.1 documents, that of TensorRT-RTX need not refuse.
    return UNVERIFIED if target.parser == "rtx-1.7" else ERROR


def _types(node: NodeView, target: Target) -> Iterator[Finding]:
    known = (_entry(node, target) or {}).get("types")
    dtype = node.dtype(0)
    if not known or dtype is None or node.is_constant(0):
        return
    if dtype not in known and target.facts["cast_down"].get(dtype) not in known:
        why = _reason(f"{dtype} input", f"documented for {', '.join(known)}", target)
        yield _about(node, UNVERIFIED, why, "cast before it where the build refuses")


def _rank(node: NodeView, target: Target) -> Iterator[Finding]:
    limit: int = target.facts["max_rank"]
    for name in node.node.output:
        shape = node.graph.shape(name)
        if shape is not None and len(shape) > limit:
            why = f"{name} has {len(shape)} axes, TensorRT at most {limit}"
            yield _about(node, ERROR, why, "reshape it to fewer")


def _shape_from_values(node: NodeView, target: Target) -> Iterator[Finding]:
    for position in SHAPE_INPUTS.get(node.op_type, ()):
        source = node.graph.input_behind(node.input(position))
        if source:
            why = f"the shape of its result depends on the values of the input {source}"
            fix = "make it a constant: an engine has one shape"
            yield _about(node, UNVERIFIED, f"{why} ({target.title} needs them before it runs)", fix)
            return


def _int8_hardware(node: NodeView, target: Target) -> Iterator[Finding]:
    if node.op_type in QUANTISED and target.no_int8:
        why = f"quantised graphs need INT8 hardware; {target.no_int8}"
        yield _about(node, ERROR, why, "export without INT8; FP16 is its fast precision")


Rule = Callable[[NodeView, Target], Iterator[Finding]]
GRAPH_RULES: tuple[Callable[[GraphView, Target], Iterator[Finding]], ...] = (
    _opset,
    _inputs_and_outputs,
    _uint8_into_cast,
)
NODE_RULES: tuple[Rule, ...] = (
    _operator,
    _conditions,
    _types,
    _rank,
    _shape_from_values,
    _int8_hardware,
)


def _entry(node: NodeView, target: Target) -> dict[str, Any] | None:
    if not node.is_standard:
        return None
    entry: dict[str, Any] | None = target.facts["operators"].get(node.op_type)
    return entry


def _reason(found: str, why: str, target: Target) -> str:
    return f"{found}: {why}" + (f" ({target.caveat})" if target.caveat else "")


def _about(node: NodeView, level: str, why: str, fix: str) -> Finding:
    return Finding(level, node.name, node.op_type, node.module, why, fix)
