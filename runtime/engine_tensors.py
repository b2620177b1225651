"""Inputs and outputs of an engine: what the sidecar says, what the engine has, what the spec wants.

Types come from a table of our own: trt.nptype of TensorRT 8 fails with numpy 1.24 and newer.
"""

from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Sequence, Tuple

from .backend_onnxruntime import OUTPUTS
from .engine_file import EngineFacts, rebuild_command
from .errors import ModelError
from .network_parser import DTYPES
from .preprocess import input_shape
from .spec import ModelSpec

LABEL_DTYPES = ("int32", "int64")
"""TensorRT before 10 has no int64."""

_FIX = "export the model again with `edgedet export`, and build its engine anew"


class EngineTensor(NamedTuple):
    """One input or output."""

    name: str
    is_input: bool
    dtype: str
    """As numpy calls it."""
    shape: Tuple[int, ...]
    """With the batch axis; -1 where it is dynamic."""

    def __str__(self) -> str:
        return "{} {} {}".format(self.name, self.dtype, list(self.shape))


def engine_tensor(name: str, is_input: bool, dtype: Any, shape: "Iterable[int]") -> EngineTensor:
    """Return the record of what an engine tells; `dtype` is a member of trt.DataType."""
    known = DTYPES.get(dtype.name, dtype.name.lower())
    return EngineTensor(name, is_input, known, tuple(int(length) for length in shape))


def sidecar_tensors(facts: EngineFacts) -> Tuple[EngineTensor, ...]:
    """Return inputs, then outputs, as the sidecar lists them."""
    rows = [(row, True) for row in facts.inputs] + [(row, False) for row in facts.outputs]
    return tuple(_from_row(row, is_input) for row, is_input in rows)


def require_spec(engine: Path, tensors: Sequence[EngineTensor], spec: ModelSpec) -> int:
    """Return the batch size; ModelError unless the engine takes and gives what the spec says.

    A dynamic axis is refused: memory is allocated once, for one shape.
    """
    dynamic = [tensor for tensor in tensors if min(tensor.shape, default=0) < 1]
    if dynamic:
        fix = "export the model with a fixed batch, and build its engine anew"
        raise ModelError("fixed shapes in {}".format(engine), str(dynamic[0]), fix)
    inputs = [tensor for tensor in tensors if tensor.is_input]
    wanted = "{}: {} [N, {}] -> {}".format(
        engine, spec.input_dtype, str(input_shape(spec))[1:-1], _wanted_outputs()
    )
    if len(inputs) != 1 or not _takes(inputs[0], spec) or not _gives(tensors, inputs[0].shape[0]):
        raise ModelError(wanted, ", ".join(str(tensor) for tensor in tensors), _FIX)
    return inputs[0].shape[0]


def require_same(engine: Path, facts: EngineFacts, found: Sequence[EngineTensor]) -> None:
    """Raise ModelError unless the loaded engine has the tensors of its sidecar, in any order."""
    if sorted(found) != sorted(sidecar_tensors(facts)):
        expected = "{} in {}, as its sidecar says".format(_listed(sidecar_tensors(facts)), engine)
        raise ModelError(expected, _listed(found), "build it again: " + rebuild_command(facts))


def _from_row(row: Dict[str, Any], is_input: bool) -> EngineTensor:
    return EngineTensor(row["name"], is_input, row["dtype"], tuple(row["shape"]))


def _takes(tensor: EngineTensor, spec: ModelSpec) -> bool:
    return (tensor.dtype, tensor.shape[1:]) == (spec.input_dtype, input_shape(spec))


def _gives(tensors: Sequence[EngineTensor], batch: int) -> bool:
    outputs = {tensor.name: tensor for tensor in tensors if not tensor.is_input}
    if set(outputs) != set(OUTPUTS):
        return False
    boxes, scores, labels = (outputs[name] for name in OUTPUTS)
    shapes = (boxes.shape, labels.shape) == (scores.shape + (4,), scores.shape)
    types = (boxes.dtype, scores.dtype) == ("float32", "float32") and labels.dtype in LABEL_DTYPES
    return shapes and types and len(scores.shape) == 2 and scores.shape[0] == batch


def _wanted_outputs() -> str:
    return "{} [N, K, 4], {} [N, K], {} [N, K]".format(*OUTPUTS)


def _listed(tensors: Sequence[EngineTensor]) -> str:
    names: List[str] = [str(tensor) for tensor in tensors]
    return ", ".join(names)
