"""When the importers go wrong on a node: the words of the facts as functions.

Each takes a node and returns what it found there, or None where the condition does not hold. What
cannot be known from the file (a tensor without a type) counts as not holding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .checks import MAX_TOP_K
from .graph_view import NodeView

if TYPE_CHECKING:
    from numpy.typing import NDArray

Judgement = Callable[[NodeView], "str | None"]
INTEGERS = ("INT32", "INT64")
CAST_TYPES = ("FP32", "FP64", "FP16", "INT8", "INT32", "INT64", "BOOL")
"""What the importer of 8.2 can cast to."""
AXES_INPUTS = {"Slice": 3, "Pad": 3}
"""Which input holds the axes; of all other operators the second."""


class Condition(NamedTuple):
    """How to see it, and what to do where the facts do not say."""

    judge: Judgement
    fix: str


def always(_: NodeView) -> str | None:
    """Hold for every node of the operator."""
    return "the operator itself"


def input_type(position: int, *types: str) -> Judgement:
    """Hold when an input is one of `types`."""

    def judge(node: NodeView) -> str | None:
        dtype = node.dtype(position)
        return f"{dtype} input" if dtype in types else None

    return judge


def attribute_is(name: str, *values: object) -> Judgement:
    """Hold when an attribute is one of `values`."""

    def judge(node: NodeView) -> str | None:
        value = node.attribute(name)
        return f"{name}={value}" if value is not None and value in values else None

    return judge


def attribute_is_not(name: str, *values: object) -> Judgement:
    """Hold when an attribute is there and none of `values`."""

    def judge(node: NodeView) -> str | None:
        value = node.attribute(name)
        return None if value is None or value in values else f"{name}={value}"

    return judge


def computed(*positions: int) -> Judgement:
    """Hold when an input has to be a constant and is none."""

    def judge(node: NodeView) -> str | None:
        found = [node.input(i) for i in positions if not node.is_constant(i)]
        return f"computed {', '.join(found)}" if found else None

    return judge


def any_of(*judgements: Judgement) -> Judgement:
    """Hold when one of several does."""

    def judge(node: NodeView) -> str | None:
        return next((found for each in judgements if (found := each(node))), None)

    return judge


def axes_computed(node: NodeView) -> str | None:
    """Hold when the axes of an operator are given and computed."""
    return computed(AXES_INPUTS.get(node.op_type, 1))(node)


def both(first: Judgement, second: Judgement) -> Judgement:
    """Hold when two do."""

    def judge(node: NodeView) -> str | None:
        one, other = first(node), second(node)
        return f"{one}, {other}" if one and other else None

    return judge


def half_constant(*positions: int) -> Judgement:
    """Hold when an input is a constant in FP16."""

    def judge(node: NodeView) -> str | None:
        found = [i for i in positions if node.input(i) in node.graph.constants]
        half = [node.input(i) for i in found if node.dtype(i) == "FP16"]
        return f"FP16 constant {', '.join(half)}" if half else None

    return judge


def dilated(node: NodeView) -> str | None:
    """Hold for dilations other than 1."""
    found = _integers(node.attribute("dilations"))
    return f"dilations={found}" if found and any(value != 1 for value in found) else None


def output_used(position: int) -> Judgement:
    """Hold when a further output is asked for."""

    def judge(node: NodeView) -> str | None:
        name = node.output(position)
        return f"output {name}" if name else None

    return judge


def input_given(position: int) -> Judgement:
    """Hold when an optional input is there."""

    def judge(node: NodeView) -> str | None:
        name = node.input(position)
        return f"input {name}" if name else None

    return judge


def inputs_other_than(count: int) -> Judgement:
    """Hold when the number of inputs is another one."""

    def judge(node: NodeView) -> str | None:
        found = len([name for name in node.node.input if name])
        return None if found == count else f"{found} inputs"

    return judge


def asymmetric(node: NodeView) -> str | None:
    """Hold for a zero point other than 0, or a scale that is not positive."""
    scale, zero_point = _numbers(node.value(1)), _numbers(node.value(2))
    if zero_point is not None and np.any(zero_point != 0):
        return "zero point other than 0"
    if scale is not None and np.any(scale <= 0):
        return "scale of 0 or less"
    return None


def quantised_weight_computed_bias(node: NodeView) -> str | None:
    """Hold for a Conv whose weights are dequantised and whose bias is computed as well."""
    if node.producer(1) == "DequantizeLinear" and not node.is_constant(2):
        return f"computed bias {node.input(2)}"
    return None


def large_or_computed_k(node: NodeView) -> str | None:
    """Hold for a TopK whose K is computed or beyond TensorRT's limit."""
    if not node.is_constant(1):
        return f"computed K {node.input(1)}"
    values = _numbers(node.value(1))
    attribute = node.attribute("k")  # until opset 9
    k = values.reshape(-1)[0] if values is not None and values.size else attribute
    return f"K = {k:.0f}" if isinstance(k, int | float) and k > MAX_TOP_K else None


def axes_as_input(node: NodeView) -> str | None:
    """Hold for a reduction that gets its axes as an input, or none and means no reduction."""
    if node.input(1):
        return f"axes as input {node.input(1)}"
    return "noop_with_empty_axes=1" if node.attribute("noop_with_empty_axes") else None


def allowzero_absent(node: NodeView) -> str | None:
    """Hold for a Reshape of opset 14 or newer that leaves allowzero to its default."""
    absent = node.graph.opset >= 14 and node.attribute("allowzero") is None
    return f"opset {node.graph.opset}, no allowzero" if absent else None


def partial_shape(node: NodeView) -> str | None:
    """Hold for a Shape that asks for a part."""
    given = [n for n in ("start", "end") if node.attribute(n) is not None]
    whole = given == ["start"] and node.attribute("start") == 0
    return None if not given or whole else f"attributes {', '.join(given)}"


def uneven_split(node: NodeView) -> str | None:
    """Hold for a Split into a number of parts that does not divide the axis."""
    parts, shape, axis = node.attribute("num_outputs"), node.shape(0), node.attribute("axis") or 0
    if not (isinstance(parts, int) and isinstance(axis, int)):
        return None
    if not parts or shape is None or not -len(shape) <= axis < len(shape):
        return None
    length = shape[axis]
    return f"{length} into {parts} parts" if length is not None and length % parts else None


def one_dimensional(node: NodeView) -> str | None:
    """Hold for a Conv over one spatial axis."""
    shape = node.shape(1)
    return "weights of rank 3" if shape is not None and len(shape) == 3 else None


def rank_other_than(rank: int) -> Judgement:
    """Hold when the first input has another rank."""

    def judge(node: NodeView) -> str | None:
        shape = node.shape(0)
        return None if shape is None or len(shape) == rank else f"rank {len(shape)}"

    return judge


def some_axes(node: NodeView) -> str | None:
    """Hold for an operator that names fewer axes than there are, or in another order."""
    axes, shape = _integers(node.attribute("axes")), node.shape(0)
    every = shape is not None and axes == list(range(len(shape)))
    return None if axes is None or every else f"axes={axes}"


def unknown_cast(node: NodeView) -> str | None:
    """Hold for a Cast to a type that TensorRT 8.2 lacks."""
    code = node.attribute("to")
    name = node.graph.type_name(code) if code and isinstance(code, int) else None
    return f"to={name}" if name and name not in CAST_TYPES else None


def unsupported_axis(node: NodeView) -> str | None:
    """Hold for spatial operators over other than two or three axes."""
    shape = node.shape(0)
    return f"rank {len(shape)}" if shape is not None and len(shape) not in (4, 5) else None


def _integers(value: object) -> list[int] | None:
    """Return an attribute that is a list of integers; None for any other."""
    if not isinstance(value, Sequence) or not all(isinstance(item, int) for item in value):
        return None
    return list(value)


def _numbers(value: NDArray[np.generic] | None) -> NDArray[np.float64] | None:
    """Return a constant as numbers; None for texts, which a wrong file may hold there."""
    if value is None or value.dtype.kind in "OSU":
        return None
    return np.asarray(value, np.float64)
