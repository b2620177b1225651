"""From an ONNX file to a TensorRT network, with errors that name the node."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Union

from .errors import ModelError
from .onnx_facts import node_label

if TYPE_CHECKING:
    from .tensorrt_flavour import Flavour

DTYPES = {
    "FLOAT": "float32",
    "HALF": "float16",
    "BF16": "bfloat16",
    "INT8": "int8",
    "INT32": "int32",
    "INT64": "int64",
    "UINT8": "uint8",
    "BOOL": "bool",
}
"""TensorRT's names of types as numpy's. A table of our own: trt.nptype of 8.2 needs an alias that
numpy dropped in 1.24."""
_SHOWN_ERRORS = 3


def parse_onnx(flavour: "Flavour", network: Any, onnx: Path) -> Any:
    """Fill `network` from the file and return the parser, which holds the weights: it has to live
    until the engine is built. ModelError that names each node TensorRT refuses.

    By path, never by content: weights may lie in files beside it.
    """
    parser = flavour.module.OnnxParser(network, flavour.log)
    if parser.parse_from_file(_file_name(onnx)) and network.num_outputs:
        return parser
    errors = [parser.get_error(index) for index in range(parser.num_errors)]
    reasons = [_reason(error, onnx) for error in errors[:_SHOWN_ERRORS]]
    raise ModelError(
        "a graph that {} takes".format(flavour.title),
        "; ".join(reasons) or flavour.log.cause(),
        "export the model again with `edgedet export`, or change that part of it",
    )


def _file_name(path: Path) -> "Union[str, bytes]":
    """Return the path as the bindings take it: text that is UTF-8, which in a C locale it is not,
    or else bytes.
    """
    name = os.fsencode(str(path))
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name


def io_table(network: Any) -> "Dict[str, List[Dict[str, Any]]]":
    """Return name, dtype and shape of the network's `inputs` and `outputs`."""
    inputs = [network.get_input(index) for index in range(network.num_inputs)]
    outputs = [network.get_output(index) for index in range(network.num_outputs)]
    return {"inputs": [_row(t) for t in inputs], "outputs": [_row(t) for t in outputs]}


def _row(tensor: Any) -> Dict[str, Any]:
    name = tensor.dtype.name
    shape = [int(length) for length in tensor.shape]
    return {"name": tensor.name, "dtype": DTYPES.get(name, name.lower()), "shape": shape}


def _reason(error: Any, onnx: Path) -> str:
    """`Conv /stem/Conv: why`. Only TensorRT 10 and newer know the node's name themselves."""
    index = error.node()
    known = hasattr(error, "node_name") and error.node_name()
    if known:
        label = "{} {}".format(error.node_operator(), error.node_name())
    else:
        label = node_label(onnx, index) if index >= 0 else str(onnx)
    return "{}: {}".format(label, " ".join(str(error.desc()).split()))
