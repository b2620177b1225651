"""One run of `edgedet export`: which of its roads is taken, and what it has to print."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from edgedet.engine_plans import Wish
    from edgedet.int8.request import Int8Request
    from edgedet.model_export import Request


@dataclass(frozen=True)
class Order:
    """What the flags ask for."""

    request: Request
    int8: Int8Request | None = None
    engines: Wish | None = None
    bundle: Path | None = None


class Result(NamedTuple):
    """What was written, in both ways to print it."""

    text: Callable[[], str]
    json: Callable[[], str]


def run_export(order: Order) -> Result:
    """Export as ONNX, and as what else is asked for. Raises what each of these raises."""
    if order.bundle is not None:
        return _bundled(order, order.bundle)
    if order.engines is not None:
        return _built(order, order.engines)
    return _exported(order.request) if order.int8 is None else _calibrated(order, order.int8)


def _exported(request: Request) -> Result:
    from edgedet.export_table import export_json, export_text
    from edgedet.model_export import export_model

    report = export_model(request)
    return Result(lambda: export_text(report), lambda: export_json(report))


def _calibrated(order: Order, int8: Int8Request) -> Result:
    from edgedet.export_source import source_of
    from edgedet.export_table import export_text, exported_values
    from edgedet.int8_export import quantised
    from edgedet.int8_table import int8_text, int8_values

    onnx, report = source_of(order.request)
    found = quantised(onnx, order.request, int8)
    parts = [] if report is None else [export_text(report)]

    def as_json() -> str:
        return json.dumps({**exported_values(onnx, report), "int8": int8_values(found)}, indent=2)

    return Result(lambda: "\n".join([*parts, int8_text(found)]), as_json)


def _built(order: Order, wish: Wish) -> Result:
    from edgedet.engine_export import export_engines
    from edgedet.engine_table import engines_json, engines_text

    built = export_engines(order.request, wish, order.int8)
    return Result(lambda: engines_text(built), lambda: engines_json(built))


def _bundled(order: Order, bundle: Path) -> Result:
    from edgedet.bundle_export import export_bundle, require_alone

    require_alone(order.engines is not None)
    packed = export_bundle(order.request, bundle, order.int8)
    return Result(lambda: packed.text, lambda: packed.json)
