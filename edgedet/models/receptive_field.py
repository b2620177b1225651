"""How much of the image a feature map sees, computed from the network itself.

Araujo et al., "Computing Receptive Fields of Convolutional Neural Networks" (Distill 2019), and
Table 1 of the scale-aware SSD paper: a layer with kernel k, dilation d and stride s turns the
field r and the jump j of its input into r + d (k - 1) j and j s.
"""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from edgedet.runtime.errors import ModelError


@dataclass(frozen=True)
class Field:
    """What one cell of a map sees."""

    size: float
    """Side of the receptive field in input pixels; infinite behind a global pooling."""
    jump: float
    """Input pixels between neighbouring cells: the map's stride."""


_SLIDING = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
_GLOBAL = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
_PRODUCTS = (operator.mul, torch.mul)
_UNKNOWN_FUNCTIONS = (
    *(F.conv2d, F.conv_transpose2d, F.max_pool2d, F.avg_pool2d, F.lp_pool2d, F.unfold),
    *(F.adaptive_avg_pool2d, F.adaptive_max_pool2d, F.interpolate, F.grid_sample),
)


def _side(value: int | tuple[int, ...] | None, default: int = 1) -> int:
    if value is None:
        return default
    return max(value) if isinstance(value, tuple) else value


def _through(layer: nn.Module, field: Field) -> Field:
    kernel = _side(layer.kernel_size)  # type: ignore[arg-type]
    dilation = _side(getattr(layer, "dilation", 1))
    stride = _side(layer.stride, default=kernel)  # type: ignore[arg-type]
    return Field(field.size + dilation * (kernel - 1) * field.jump, field.jump * stride)


def _unknown(operation: str) -> ModelError:
    known = ", ".join(layer.__name__ for layer in (*_SLIDING, *_GLOBAL))
    return ModelError(f"maps built of the layers {known}", operation, "use such a layer instead")


def _fields_in(values: Any) -> list[Field]:
    fields: list[Field] = []
    fx.node.map_aggregate(
        values, lambda leaf: fields.append(leaf) if isinstance(leaf, Field) else None
    )
    return fields


def _widest(values: Any) -> Field:
    fields = _fields_in(values)
    return Field(max(f.size for f in fields), max(f.jump for f in fields))


def _gated(factors: Any) -> Field:
    """The field of a product without the factors that are pooled over the whole image."""
    return _widest([f for f in _fields_in(factors) if f.size < math.inf] or factors)


class _FieldInterpreter(fx.Interpreter):
    """Runs the network's graph on fields instead of tensors."""

    def __init__(self, module: fx.GraphModule, *, through_gates: bool) -> None:
        super().__init__(module)
        self.through_gates = through_gates

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        layer = self.fetch_attr(target)
        if isinstance(layer, _SLIDING):
            return _through(layer, args[0])
        if isinstance(layer, _GLOBAL):
            return Field(math.inf, args[0].jump)
        if hasattr(layer, "kernel_size") or hasattr(layer, "scale_factor"):
            raise _unknown(type(layer).__name__)
        return _widest(args)

    def call_function(
        self, target: Callable[..., Any] | str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if target in _UNKNOWN_FUNCTIONS:
            raise _unknown(getattr(target, "__name__", str(target)))
        if self.through_gates and target in _PRODUCTS:
            return _gated(args)
        return _widest((args, tuple(kwargs.values())))

    def call_method(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return _widest(args)


class _LayerTracer(fx.Tracer):
    """Stops at the layers that PyTorch ships, and traces through everything composed of them."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return not isinstance(m, nn.Sequential) and m.__module__.startswith("torch.nn")


def receptive_fields(maps: nn.Module, *, through_gates: bool = False) -> tuple[Field, ...]:
    """Return the field of every map that `maps(images)` returns, in its order.

    maps: a module that fx can trace, from images to one map or a list, tuple or dict of them. What
    neither slides nor pools is taken to act on each cell by itself; reductions over the map that
    are no layer, such as `x.mean((2, 3))`, are not seen. Raises ModelError for a layer that widens
    the field in another way, such as a transposed convolution.
    """
    tracer = _LayerTracer()
    module = fx.GraphModule(maps, tracer.trace(maps))
    with torch.no_grad():
        result = _FieldInterpreter(module, through_gates=through_gates).run(Field(1, 1))
    if isinstance(result, Field):
        return (result,)
    return tuple(result.values() if isinstance(result, Mapping) else result)
