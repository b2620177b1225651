"""Ranges that were trained: through the ONNX file, and before calibrated ones."""

from __future__ import annotations

import onnx
import pytest
from small_networks import network_inputs, small_network

from edgedet.calibration.collection import collect
from edgedet.calibration.methods import amax_by, clips_by
from edgedet.calibration.trained_ranges import (
    RANGES_KEY,
    trained_ranges,
    with_trained_ranges,
    write_trained_ranges,
)
from edgedet.runtime.errors import ModelError
from edgedet.runtime.int8_scales import CalibrationKey, Clip, Scale, Scales


def calibrated(model: onnx.ModelProto) -> Scales:
    statistics = collect(model, network_inputs(2))
    amax, clips = amax_by(statistics, "minmax"), clips_by(statistics, "minmax")
    tensors = {name: Scale(amax[name], clips[name]) for name in statistics.names}
    return Scales(CalibrationKey("", "", 2, {}, "minmax"), tensors)


def test_through_the_file() -> None:
    model = small_network()
    assert trained_ranges(model) == {}
    others = {entry.key: entry.value for entry in model.metadata_props}
    write_trained_ranges(model, {"a": 1.5, "b": 1e-30})
    write_trained_ranges(model, {"a": 0.1})
    read = onnx.ModelProto()
    read.ParseFromString(model.SerializeToString())
    assert trained_ranges(read) == {"a": 0.1}
    assert {e.key: e.value for e in read.metadata_props if e.key != RANGES_KEY} == others


def test_they_win_over_calibrated_ones() -> None:
    model = small_network()
    scales = calibrated(model)
    assert with_trained_ranges(scales, model) == scales
    name = next(name for name, scale in scales.tensors.items() if scale.clip.low < 0)
    before = scales.tensors[name]
    narrow, wide = before.amax / 8, before.amax * 8
    write_trained_ranges(model, {name: narrow, "no tensor of this graph": 3.0})
    found = with_trained_ranges(scales, model).tensors
    assert found[name].amax == narrow
    assert found[name].clip == Clip(max(before.clip.low, -narrow), min(before.clip.high, narrow))
    assert {k: v for k, v in found.items() if k != name} == {
        k: v for k, v in scales.tensors.items() if k != name
    }
    write_trained_ranges(model, {name: wide})
    assert with_trained_ranges(scales, model).tensors[name] == Scale(wide, before.clip)


@pytest.mark.parametrize("text", ["", "[1]", '{"a": "b"}', '{"a": -1}', '{"a": NaN}', "{"])
def test_other_contents(text: str) -> None:
    model = small_network()
    model.metadata_props.add(key=RANGES_KEY, value=text)
    with pytest.raises(ModelError, match="table of ranges"):
        trained_ranges(model)
