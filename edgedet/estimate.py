"""How fast a model may be on a device that is not here: bounds, and what they assume."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgedet.export.constant_folding import fold_constants
from edgedet.export.graph_view import GraphView
from edgedet.export.layer_table import LayerTable, layer_table
from edgedet.export.metadata import spec_text
from edgedet.export.onnx_file import load_onnx
from edgedet.export.roofline import (
    BEST_BYTES,
    Bounds,
    Setting,
    Time,
    best_peak_tflops,
    bounds,
    cache_bytes,
    may_use_tf32,
    precisions_of,
)
from edgedet.onnx_form import TARGETS, onnx_form
from edgedet.runtime.devices import Device
from edgedet.runtime.errors import ModelError
from edgedet.runtime.spec import spec_from_json
from edgedet.visible_text import visible_values

if TYPE_CHECKING:
    from onnx import ModelProto

SCHEMA_VERSION = 1
ESTIMATE = "estimate"
"""The report's `kind`; that of a measurement is `measured`."""


def estimate_speed(
    model: Path, device: Device, precision: str | None = None, setting: Setting | None = None
) -> dict[str, Any]:
    """Return bounds of the network's speed on `device` as plain JSON types; nothing is run.

    model: a checkpoint or an ONNX file, foreign ones included. precision: fp32, fp16 or int8;
    None: each that an engine of this graph can have there.

    Raises ModelError for a model without static shapes, DeviceError for a precision that the
    device lacks.
    """
    given = setting or Setting()
    with onnx_form(model, TARGETS[device.kind]) as onnx:
        graph = load_onnx(onnx)
        table = _table(graph, model)
        text = spec_text(graph)
    names = (precision,) if precision else precisions_of(table, device)
    found = [bounds(table, device, name, given) for name in names]
    report: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "kind": ESTIMATE,
        "model": str(model),
        "device": device.name,
        **_about(text),
        "batch": table.batch,
        "network": _network(table),
        "estimates": [_values(each, table.batch) for each in found],
        "assumptions": list(assumptions(device, names, given)),
        "uncounted": list(table.uncounted),
        "layers": _layers(table, found[-1]),
    }
    visible_report: dict[str, Any] = visible_values(report)  # names of a foreign graph
    return visible_report


def assumptions(device: Device, precisions: tuple[str, ...], setting: Setting) -> list[str]:
    """Return what the bounds rest on, a line each."""
    peaks = ", ".join(f"{name} {best_peak_tflops(device, name):g}" for name in precisions)
    cache = cache_bytes(device) / 1e6
    tf32 = ", FP32 as TF32" if "fp32" in precisions and may_use_tf32(device) else ""
    lines = [
        "the network alone, at the GPU's highest clock, cool and with nothing else running; "
        "no copies, preprocessing or postprocessing",
        f"at most: arithmetic at the peak ({peaks} T operations/s{tf32}), dense 3x3 convolutions "
        f"with {setting.winograd_saving:g} times fewer products (Winograd)",
        f"at most: memory at {device.bandwidth_gbs:g} GB/s, and of each tensor only what exceeds "
        f"{cache:g} MB of cache; layers without products cost nothing",
        f"at most: one kernel after another, none under {setting.kernel_us:g} us",
        f"cautious: arithmetic at {setting.arithmetic_share:.0%} of the peak, grouped "
        "convolutions at that share of the CUDA cores' FP32 peak",
        f"cautious: every layer is a kernel of its own, {setting.launch_us_on(device):g} us to "
        "launch, and reads and writes all of its tensors at "
        f"{setting.bandwidth_share:.0%} of the bandwidth; sorting counts as memory only",
        "the cautious case is no guarantee: a slower CPU, clocks that are not raised, heat or a "
        "build without good kernels can be slower still",
    ]
    if device.unverified:
        names = ", ".join(device.unverified)
        lines.append(f"of the {device.name} from general knowledge, unverified: {names}")
    return lines


def _table(model: ModelProto, path: Path) -> LayerTable:
    try:
        table = layer_table(GraphView(model))
    except ModelError as unknown:
        # Shapes that the graph computes for itself are known once its constants are folded.
        table = layer_table(GraphView(_folded(model, unknown)))
    if not table.macs:
        found = f"none that is counted in {path}"
        fix = "measure it instead: --host user@board"
        raise ModelError("a network with convolutions or matrix products", found, fix)
    return table


def _folded(model: ModelProto, unknown: ModelError) -> ModelProto:
    try:
        return fold_constants(model)
    except Exception as error:  # operators of others make it raise whatever they like
        raise unknown from error


def _about(text: str | None) -> dict[str, Any]:
    """What the model says of itself; a foreign one says nothing."""
    if text is None:
        return dict.fromkeys(("builder", "input_size_hw", "input_dtype"))
    spec = spec_from_json(text)
    return {
        "builder": spec.provenance.get("builder"),
        "input_size_hw": list(spec.size_hw),
        "input_dtype": spec.input_dtype,
    }


def _network(table: LayerTable) -> dict[str, Any]:
    return {
        "gmacs": round(table.macs / 1e9, 4),
        "parameters": table.parameters,
        "layers": len(table.layers),
        "layers_with_products": sum(layer.macs > 0 for layer in table.layers),
    }


def _values(found: Bounds, batch: int) -> dict[str, Any]:
    return {
        "precision": found.precision,
        "at_most_fps": round(batch * 1e3 / found.best.total, 2),
        "cautious_fps": round(batch * 1e3 / found.cautious.total, 2),
        "at_most": _milliseconds(found.best),
        "cautious": _milliseconds(found.cautious),
    }


def _milliseconds(time: Time) -> dict[str, float]:
    return {f"{name}_ms": round(value, 4) for name, value in time._asdict().items()}


def _layers(table: LayerTable, found: Bounds) -> list[dict[str, Any]]:
    triples = zip(table.layers, found.best_layers, found.cautious_layers, strict=True)
    float_bytes = BEST_BYTES[found.precision]
    return [
        {
            "name": layer.name,
            "op_type": layer.op_type,
            "module": layer.module,
            "macs": layer.macs,
            "weight_bytes": sum(tensor.bytes(float_bytes) for tensor in layer.weights),
            "read_bytes": sum(tensor.bytes(float_bytes) for tensor in layer.reads),
            "written_bytes": sum(tensor.bytes(float_bytes) for tensor in layer.writes),
            "at_most_ms": round(best.total, 5),
            "cautious_ms": round(cautious.total, 5),
        }
        for layer, best, cautious in triples
    ]
