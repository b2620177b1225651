"""From what an INT8 engine is made: scales for TensorRT that quantises by itself, else Q/DQ."""

from pathlib import Path
from typing import TYPE_CHECKING, Optional

from .engine_options import INT8, EngineOptions
from .errors import ModelError, UsageError
from .onnx_facts import operators_of

if TYPE_CHECKING:
    from .tensorrt_flavour import Flavour

QUANTISING = frozenset(["QuantizeLinear", "DequantizeLinear"])
CALIBRATE = (
    "calibrate the model (edgedet export {} --int8 --data DATA) and add --scales scales.json"
)


def check_int8(
    onnx: Path, flavour: "Flavour", options: EngineOptions, scales: Optional[Path]
) -> None:
    """Raise UsageError for scales without use, or too few or too many sources of INT8; ModelError
    for a graph with INT8 in it where another precision was asked.
    """
    quantised = bool(QUANTISING & operators_of(onnx))
    if options.precision != INT8:
        _check_without(onnx, quantised, options.precision, scales)
    elif not flavour.can.weakly_typed:
        _check_graph_only(flavour, scales)
    elif quantised and scales is not None:
        fix = "leave the scales out, or give the FP32 model that they belong to"
        raise UsageError("scales with a model in FP32", "{} with Q/DQ in it".format(onnx), fix)
    elif not quantised and scales is None:
        expected = "the scales.json of {} for INT8 with {}".format(onnx, flavour.title)
        raise UsageError(expected, "none", CALIBRATE.format(onnx.name))


def _check_without(onnx: Path, quantised: bool, precision: str, scales: Optional[Path]) -> None:
    if scales is not None:
        found = "precision {}".format(precision)
        raise UsageError("precision int8 with scales", found, "leave the scales out")
    if quantised:
        expected = "a model without INT8 for precision {}".format(precision)
        raise ModelError(expected, "{} with Q/DQ in it".format(onnx), "ask for precision int8")


def _check_graph_only(flavour: "Flavour", scales: Optional[Path]) -> None:
    if scales is not None:
        expected = "no scales: {} takes INT8 from the graph".format(flavour.title)
        fix = "give the .int8.tensorrt.onnx of `edgedet export --int8` without them"
        raise UsageError(expected, str(scales), fix)
