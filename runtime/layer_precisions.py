"""Which precision an engine really has: a request alone proves nothing."""

import json
import re
from typing import TYPE_CHECKING, Any, Dict, Iterator, NamedTuple, Optional, Sequence

from .errors import DeviceError
from .network_layers import layers_of

if TYPE_CHECKING:
    from .tensorrt_flavour import Flavour

INT8 = re.compile(r"\bint8\b")
FP16_WORDS = ("fp16", "half", "float16")
FP32_WORDS = ("fp32", "float")
"""How inspectors of 8.2 to 10 write a type, such as `Row major linear FP16 format`, `Thirty-two
wide channel vectorized row major Int8 format`; FP16 before FP32: `float16` would be both."""

DEQUANTIZE = "DEQUANTIZE"
"""TensorRT's type of the layer."""

LEAST_SHARE = 0.1
"""Of the layers of an engine in FP16, or INT8: less is none but for accidents, or nearly all
overflow."""


class Shares(NamedTuple):
    """How many layers have which precision."""

    fp16: int
    fp32: int
    source: str
    """Where it was read: `network`, `inspector`, or why it could not be."""
    int8: int = 0

    @property
    def layers(self) -> int:
        """Of which the precision is known."""
        return self.fp16 + self.fp32 + self.int8

    @property
    def used(self) -> Optional[str]:
        """The precision of most layers, or `int8`, which always has another around it; None when
        nothing could be read.
        """
        if self.layers == 0:
            return None
        if self.int8 and self.satisfies("int8"):
            return "int8"
        return "fp16" if self.fp16 >= self.fp32 else "fp32"

    def satisfies(self, precision: str) -> bool:
        """Whether this is what was asked for; what cannot be read is taken for it."""
        least = LEAST_SHARE * self.layers
        if precision == "int8":
            return self.int8 >= least
        if precision == "fp32":
            return self.fp16 == self.int8 == 0
        return self.fp16 >= least and self.int8 == 0

    def __str__(self) -> str:
        return "{} in FP32, {} in FP16, {} in INT8".format(self.fp32, self.fp16, self.int8)


def shares_of_network(network: Any, kinds: Sequence[str]) -> Shares:
    """Count the layers of these kinds by what they compute in where the graph says the types: the
    type of their output, but INT8 where they read what comes out of a DequantizeLinear.
    """
    layers = layers_of(network)
    codes = {layer.get_output(0).name for layer in layers if layer.type.name == DEQUANTIZE}
    types = []
    for layer in layers:
        if layer.type.name in kinds:
            quantised = layer.get_input(0).name in codes
            types.append("INT8" if quantised else layer.get_output(0).dtype.name)
    return Shares(types.count("HALF"), types.count("FLOAT"), "network", types.count("INT8"))


def shares_of_plan(flavour: "Flavour", plan: Any) -> Shares:
    """Load the plan and count its layers by the type of their outputs.

    A plan that does not load on the GPU that built it is a DeviceError.
    """
    trt = flavour.module
    runtime = trt.Runtime(flavour.log)
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        fix = "free GPU memory and build again"
        raise DeviceError("an engine that loads where it was built", flavour.log.cause(), fix)
    inspector = engine.create_engine_inspector()
    text = inspector.get_engine_information(trt.LayerInformationFormat.JSON)
    del inspector, engine  # before the runtime, which they live in
    return shares_of_json(text)


def shares_of_json(text: str) -> Shares:
    """Count the layers in the inspector's JSON by the type of their output: FP16, FP32, INT8."""
    try:
        layers = json.loads(text)["Layers"]
    except (ValueError, KeyError, TypeError):
        return Shares(0, 0, "the inspector gave no layers")
    types = [_type_of(layer) for layer in layers if isinstance(layer, dict)]
    return Shares(types.count("fp16"), types.count("fp32"), "inspector", types.count("int8"))


def _type_of(layer: Dict[str, Any]) -> Optional[str]:
    texts = [text for output in layer.get("Outputs", ()) for text in _texts(output)]
    if any(INT8.search(text) for text in texts):
        return "int8"
    if any(word in text for text in texts for word in FP16_WORDS):
        return "fp16"
    return "fp32" if any(word in text for text in texts for word in FP32_WORDS) else None


def _texts(output: Dict[str, Any]) -> Iterator[str]:
    for name, value in output.items():
        if "datatype" in name.lower():
            yield str(value).lower()
