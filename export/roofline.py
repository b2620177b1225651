"""Between which bounds an engine's speed must lie, from its layers and the device's peaks.

Nothing here is measured. The best case is what the hardware cannot beat; the cautious case is what
an engine should beat, and no guarantee: both rest on the assumptions of `Setting`, which were
chosen before any published speed was looked at and not fitted to one since (docs/bench.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from edgedet.runtime.devices import Device

from .layer_table import Layer, LayerTable, Tensor

FLOPS_OF_A_MAC = 2
TF32_FROM = (8, 0)
"""Compute capability from which TensorRT computes FP32 in TF32 unless told not to."""
TF32_SHARE = 0.5
"""Of the FP16 rate with FP32 accumulation."""
BEST_BYTES = {"fp32": 4, "fp16": 2, "int8": 1}
CAUTIOUS_BYTES = {"fp32": 4, "fp16": 2, "int8": 2}
"""What INT8 leaves out is FP16."""
CACHE_MB = {
    "Maxwell": 0.25,
    "Pascal": 0.5,
    "Volta": 4.5,
    "Turing": 6.0,
    "Ampere": 8.0,
    "Ada": 72.0,
    "Blackwell": 96.0,
}
"""The most that a GPU of the table has of an architecture, system cache included; from general
knowledge, and only the best case uses it."""
MOST_CACHE_MB = max(CACHE_MB.values())


@dataclass(frozen=True)
class Setting:
    """What the bounds assume besides peaks and bandwidth; from general knowledge."""

    kernel_us: float = 2.0
    """Best case: no kernel ends sooner after the one before it."""
    winograd_saving: float = 4.0
    """Best case: how many times fewer products a dense 3x3 convolution may take, F(4x4, 3x3)."""
    arithmetic_share: float = 0.1
    """Cautious case: of the peak."""
    bandwidth_share: float = 0.5
    """Cautious case: of the memory's bandwidth."""
    launch_us: float = 10.0
    """Cautious case: to launch a kernel on a PC."""
    launch_us_jetson: float = 25.0
    """Cautious case: to launch a kernel from the smaller CPU of a Jetson."""

    def launch_us_on(self, device: Device) -> float:
        """Return the time to launch a kernel on that kind of machine."""
        return self.launch_us_jetson if device.kind == "jetson" else self.launch_us


class Time(NamedTuple):
    """Milliseconds of one layer or one run."""

    arithmetic: float
    memory: float
    kernels: float
    total: float
    """Of the best case the longest of the three at each layer, of the cautious case their sum."""


@dataclass(frozen=True)
class Bounds:
    """Of one run of the network alone, all of its batch, in one precision."""

    precision: str
    best: Time
    cautious: Time
    best_layers: tuple[Time, ...]
    """One for each layer of the table."""
    cautious_layers: tuple[Time, ...]


def bounds(
    table: LayerTable, device: Device, precision: str, setting: Setting | None = None
) -> Bounds:
    """Return the bounds of a graph on a device in fp32, fp16 or int8.

    Raises DeviceError when the device does not compute in that precision.
    """
    device.require(precision)
    given = setting or Setting()
    best = tuple(_best(layer, device, precision, given) for layer in table.layers)
    cautious = tuple(_cautious(layer, device, precision, given) for layer in table.layers)
    return Bounds(precision, _summed(best), _summed(cautious), best, cautious)


def precisions_of(table: LayerTable, device: Device) -> tuple[str, ...]:
    """Return what engines of this graph can be built in, on this device."""
    if table.quantised:
        return ("int8",)
    if table.float_types and table.float_types <= {"FP16", "BF16"}:
        return ("fp16",)
    return tuple(name for name in ("fp32", "fp16") if name in device.precisions)


def best_peak_tflops(device: Device, precision: str) -> float:
    """Return the highest rate of any unit that may compute it, in 1e12 operations a second."""
    if precision == "fp32":
        tf32 = device.fp16_tflops_fp32_accumulate * TF32_SHARE
        return max(device.fp32_tflops, tf32) if may_use_tf32(device) else device.fp32_tflops
    return device.fp16_tflops if precision == "fp16" else device.int8_tops or 0.0


def may_use_tf32(device: Device) -> bool:
    """Whether TensorRT computes FP32 in TF32 there unless it is told not to."""
    return device.compute_capability >= TF32_FROM


def cautious_peak_tflops(layer: Layer, device: Device, precision: str) -> float:
    """Return the rate that a share is taken of: grouped convolutions have the CUDA cores only."""
    if layer.grouped or precision == "fp32":
        return device.fp32_tflops
    return device.fp16_tflops_fp32_accumulate if precision == "fp16" else device.int8_tops or 0.0


def cache_bytes(device: Device) -> float:
    """Return the most that the device's caches can keep between layers."""
    return CACHE_MB.get(device.arch, MOST_CACHE_MB) * 1e6


def _best(layer: Layer, device: Device, precision: str, setting: Setting) -> Time:
    """Layers without products are free: engines compute them while they read or write others."""
    if not layer.macs:
        return Time(0.0, 0.0, 0.0, 0.0)
    macs = layer.macs / (setting.winograd_saving if layer.winograd else 1.0)
    arithmetic = _arithmetic_ms(macs, best_peak_tflops(device, precision))
    moved = (*layer.weights, *layer.least_reads, *layer.least_writes)
    sizes = _sizes(moved, BEST_BYTES[precision])
    beyond = sum(max(0.0, size - cache_bytes(device)) for size in sizes)
    memory = _memory_ms(beyond, device.bandwidth_gbs)
    kernels = setting.kernel_us / 1e3
    return Time(arithmetic, memory, kernels, max(arithmetic, memory, kernels))


def _cautious(layer: Layer, device: Device, precision: str, setting: Setting) -> Time:
    peak = cautious_peak_tflops(layer, device, precision) * setting.arithmetic_share
    arithmetic = _arithmetic_ms(layer.macs, peak)
    moved = (*layer.weights, *layer.reads, *layer.writes)
    memory = _memory_ms(
        sum(_sizes(moved, CAUTIOUS_BYTES[precision])),
        device.bandwidth_gbs * setting.bandwidth_share,
    )
    kernels = setting.launch_us_on(device) / 1e3
    return Time(arithmetic, memory, kernels, arithmetic + memory + kernels)


def _sizes(tensors: tuple[Tensor, ...], float_bytes: int) -> list[int]:
    return [tensor.bytes(float_bytes) for tensor in tensors]


def _arithmetic_ms(macs: float, tflops: float) -> float:
    return macs * FLOPS_OF_A_MAC / (tflops * 1e12) * 1e3


def _memory_ms(size: float, bandwidth_gbs: float) -> float:
    return size / (bandwidth_gbs * 1e9) * 1e3


def _summed(times: tuple[Time, ...]) -> Time:
    return Time(*(sum(getattr(time, part) for time in times) for part in Time._fields))
