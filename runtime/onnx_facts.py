"""What an ONNX file says about itself, read without the `onnx` package or running the model.

Field numbers: onnx/onnx.proto (ONNX IR version 8).
"""

from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Set, Union

from .errors import ModelError
from .protobuf_wire import Message, WireError
from .spec import SPEC_KEY

LEARNED_OPS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operators whose constants are weights and biases."""
DTYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
    16: "bfloat16",
}
"""Of TensorProto.DataType, those that networks take and return."""
EXTERNAL = 1
"""Of TensorProto.DataLocation."""


def onnx_facts(path: Path) -> Dict[str, Any]:
    """Return plain values about the file; `spec_text` is None when edgedet did not write it.

    Raises ModelError when the file is missing, unreadable or no ONNX model.
    """
    try:
        return _facts(_read(path))
    except WireError as error:
        raise _not_onnx(path, str(error)) from error


def metadata_text(path: Path, key: str) -> Optional[str]:
    """Return what `metadata_props` holds under that key, None without it.

    Raises ModelError as `onnx_facts` does.
    """
    try:
        return _metadata(_read(path), key)
    except WireError as error:
        raise _not_onnx(path, str(error)) from error


def weight_files(path: Path) -> List[str]:
    """Return the names of the files beside `path` that hold weights of it, [] when it holds all.

    Raises ModelError as `onnx_facts` does, and for a name that leads out of its folder or to no
    file.
    """
    try:
        graphs = _read(path).messages(7)
        tensors = [tensor for graph in graphs for tensor in _tensors(graph)]
        names = {_location(tensor) for tensor in tensors if tensor.number(14) == EXTERNAL}
    except (WireError, RecursionError) as error:
        raise _not_onnx(path, str(error)) from error
    for name in names:
        inside = not Path(name).is_absolute() and ".." not in Path(name).parts
        if not (inside and (path.parent / name).is_file()):
            found = "{!r}, which is none".format(name)
            fix = "copy it together with the files of its weights"
            raise ModelError("files with the weights of {} beside it".format(path), found, fix)
    return sorted(names)


def node_label(path: Path, index: int) -> str:
    """Return operator and name of the node at `index` of the file's graph, as `Conv /stem/Conv`;
    just its number when it cannot be read: this serves messages about other errors.
    """
    unnamed = "number {}".format(index)
    try:
        node = _read(path).messages(7)[-1].messages(1)[index]
        return "{} {}".format(node.text(4), node.text(3) or unnamed)
    except (ModelError, WireError, IndexError):
        return unnamed


def operators_of(path: Path) -> "Set[str]":
    """Return the operators of the file's graph. Raises ModelError as `onnx_facts` does."""
    try:
        return {node.text(4) for node in _nodes(path)}
    except WireError as error:
        raise _not_onnx(path, str(error)) from error


def layer_outputs(path: Path) -> Dict[str, str]:
    """Return the first tensor that each node makes, by the node's name; one without a name is
    called by that tensor. Raises ModelError as `onnx_facts` does.
    """
    try:
        made = [(node.text(3), node.texts(2)) for node in _nodes(path)]
    except WireError as error:
        raise _not_onnx(path, str(error)) from error
    return {name or outputs[0]: outputs[0] for name, outputs in made if outputs}


def _nodes(path: Path) -> List[Message]:
    return [node for graph in _read(path).messages(7)[-1:] for node in graph.messages(1)]


def _read(path: Path) -> Message:
    try:
        data = path.read_bytes()
    except OSError as error:
        found = "{} ({})".format(path, error.strerror)
        raise ModelError("an ONNX file", found, "check the path") from error
    return Message(memoryview(data))


def _tensors(graph: Message) -> Iterator[Message]:
    """Yield the constants of a graph: its own, those of its nodes, and of If and Loop inside."""
    yield from graph.messages(5)
    for sparse in graph.messages(15):
        yield from sparse.messages(1) + sparse.messages(2)
    for node in graph.messages(1):
        for attribute in node.messages(5):
            yield from attribute.messages(5) + attribute.messages(10)
            for body in attribute.messages(6) + attribute.messages(11):
                yield from _tensors(body)


def _location(tensor: Message) -> str:
    entries = {entry.text(1): entry.text(2) for entry in tensor.messages(13)}
    return entries.get("location", "")


def _facts(model: Message) -> Dict[str, Any]:
    graphs = model.messages(7)
    if not model.number(1) or not graphs or not graphs[-1].has(1):
        raise WireError("no graph")
    graph = graphs[-1]
    sizes = {tensor.text(8): _product(tensor.numbers(1)) for tensor in graph.messages(5)}
    return {
        "producer": "{} {}".format(model.text(2), model.text(3)).strip(),
        "opset": _opset(model),
        "ir_version": model.number(1),
        "nodes": len(graph.messages(1)),
        "parameters": _learned_values(graph, sizes),
        "inputs": [_tensor(v) for v in graph.messages(11) if v.text(1) not in sizes],
        "outputs": [_tensor(value) for value in graph.messages(12)],
        "spec_text": _metadata(model, SPEC_KEY),
    }


def _opset(model: Message) -> int:
    standard = [entry for entry in model.messages(8) if entry.text(1) in ("", "ai.onnx")]
    return max((entry.number(2) for entry in standard), default=0)


def _metadata(model: Message, key: str) -> Optional[str]:
    entries = {entry.text(1): entry.text(2) for entry in model.messages(14)}
    return entries.get(key)


def _learned_values(graph: Message, sizes: Dict[str, int]) -> int:
    """Count the weights and biases; normalisation is folded into them by the export."""
    nodes = [node for node in graph.messages(1) if node.text(4) in LEARNED_OPS]
    return sum(sizes.get(name, 0) for name in {n for node in nodes for n in node.texts(1)})


def _product(dims: List[int]) -> int:
    count = 1
    for dim in dims:
        count *= dim
    return count


def _tensor(value: Message) -> Dict[str, Any]:
    tensors = [tensor for kind in value.messages(2) for tensor in kind.messages(1)]
    codes = [tensor.number(1) for tensor in tensors]
    dims = [dim for t in tensors for shape in t.messages(2) for dim in shape.messages(1)]
    dtype = DTYPES.get(codes[0], "type {}".format(codes[0])) if codes else "no tensor"
    return {"name": value.text(1), "dtype": dtype, "shape": [_dim(dim) for dim in dims]}


def _dim(dim: Message) -> Union[int, str]:
    """Return the length of an axis; a dynamic one is its name, or "?" without one."""
    return dim.number(1) if dim.has(1) else (dim.text(2) or "?")


def _not_onnx(path: Path, found: str) -> ModelError:
    fix = "pass the .onnx file that `edgedet export` wrote"
    return ModelError("an ONNX file", "{} with {}".format(path, found), fix)
