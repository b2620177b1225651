"""Bounds of a speed, against a device whose numbers are easy."""

import onnx
import pytest
from onnx import TensorProto, helper

from edgedet.export.graph_view import GraphView
from edgedet.export.layer_table import layer_table
from edgedet.export.roofline import Setting, best_peak_tflops, bounds, precisions_of
from edgedet.runtime.devices import device_named, devices
from edgedet.runtime.errors import DeviceError

ROUND = device_named("nano")._replace(
    arch="Maxwell", fp32_tflops=1.0, fp16_tflops=2.0, fp16_tflops_fp32_accumulate=2.0,
    bandwidth_gbs=1.0,
)  # fmt: skip
"""1 TFLOPS and 1 GB/s."""


def convolution(channels=1000, side=100, kernel=1, group=1):
    """One convolution of `channels` maps, a ReLU behind it."""
    shape = [1, channels, side, side]
    weights = [channels, channels // group, kernel, kernel]
    pads = [kernel // 2] * 4
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv", group=group, pads=pads),
        helper.make_node("Relu", ["c"], ["y"], "relu"),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy"]
    constant = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=weights)
    constant.raw_data = bytes(4 * channels * channels // group * kernel * kernel)
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], [constant])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    onnx.checker.check_model(model)
    return layer_table(GraphView(model))


def test_both_cases_by_hand():
    table = convolution()
    # 1e10 products = 2e10 operations: 20 ms at 1 TFLOPS.
    # Weights 4 MB, input and output 40 MB each; 0.25 MB of each stays in the cache.
    found = bounds(table, ROUND, "fp32")
    assert found.best.arithmetic == pytest.approx(20.0)
    assert found.best.memory == pytest.approx((3.75 + 39.75 + 39.75) * 1e6 / 1e9 * 1e3)
    assert found.best.total == pytest.approx(83.25)  # the longer of the two
    # Cautious: a tenth of the peak; half of the bandwidth; the ReLU reads and writes 40 MB more;
    # two kernels of 25 us.
    assert found.cautious.arithmetic == pytest.approx(200.0)
    assert found.cautious.memory == pytest.approx((84 + 80) * 1e6 / 0.5e9 * 1e3)
    assert found.cautious.kernels == pytest.approx(0.05)
    assert found.cautious.total == pytest.approx(200.0 + 328.0 + 0.05)


def test_fp16_halves_bytes_and_doubles_the_rate():
    single, half = (bounds(convolution(), ROUND, name) for name in ("fp32", "fp16"))
    assert half.best.arithmetic == pytest.approx(single.best.arithmetic / 2)
    assert half.cautious.memory == pytest.approx(single.cautious.memory / 2)


def test_winograd_counts_for_the_best_case_only():
    plain, dense = convolution(100, 100, 1), convolution(100, 100, 3)
    assert dense.macs == 9 * plain.macs
    ones, nines = (bounds(table, ROUND, "fp32") for table in (plain, dense))
    assert nines.best.arithmetic == pytest.approx(9 / 4 * ones.best.arithmetic)
    assert nines.cautious.arithmetic == pytest.approx(9 * ones.cautious.arithmetic)


def test_grouped_convolutions_have_cuda_cores_only():
    dense, grouped = convolution(), convolution(group=1000)
    assert not dense.layers[0].grouped
    time = bounds(grouped, ROUND, "fp16").cautious.arithmetic
    assert time == pytest.approx(grouped.macs * 2 / (0.1 * 1e12) * 1e3)


def test_a_kernel_has_a_least_time():
    best = bounds(convolution(1, 2), ROUND, "fp32").best
    assert best.total == best.kernels == pytest.approx(Setting().kernel_us / 1e3)


def test_the_cautious_case_is_the_slower_one_everywhere():
    tables = [convolution(), convolution(8, 8), convolution(64, 32, 3), convolution(64, 32, 3, 64)]
    for device in devices().values():
        for precision in ("fp32", "fp16", "int8"):
            if precision not in device.precisions:
                continue
            for table in tables:
                found = bounds(table, device, precision)
                assert found.cautious.total > found.best.total, (device.name, precision)
                pairs = zip(found.best_layers, found.cautious_layers, strict=True)
                assert all(best.total < cautious.total for best, cautious in pairs)


def test_the_nano_has_no_int8():
    with pytest.raises(DeviceError, match="DP4A"):
        bounds(convolution(), device_named("nano"), "int8")


def test_fp32_may_be_tf32_where_there_is_some():
    # GeForce: as fast as the CUDA cores. Orin's tensor cores are not cut down.
    assert best_peak_tflops(device_named("RTX 3090"), "fp32") == pytest.approx(35.6)
    assert best_peak_tflops(device_named("AGX Orin 64GB"), "fp32") == pytest.approx(42.631 / 2)
    assert best_peak_tflops(device_named("RTX 2080 Ti"), "fp32") == 13.4


def test_precisions_follow_the_graph():
    table = convolution()
    assert precisions_of(table, ROUND) == ("fp32", "fp16")
    assert precisions_of(convolution().__class__(**{**vars(table), "quantised": True}), ROUND) == (
        "int8",
    )
    halves = {**vars(table), "float_types": frozenset({"FP16"})}
    assert precisions_of(table.__class__(**halves), ROUND) == ("fp16",)
