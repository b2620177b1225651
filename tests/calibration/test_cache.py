"""The calibration cache: by hand, and by an independent reader."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgedet.calibration.cache import cache_text, model_cache
from edgedet.runtime.calibration_cache import read_cache
from edgedet.runtime.errors import ModelError
from edgedet.runtime.int8_scales import load_scales

AMAX = {"images": 127.0, "/stem/Conv_output_0": 1.0, "a: b": 63.5, "zeros": 0.0}


def as_nvidia_reads(text: str) -> dict[str, float]:
    """As samples/common/sampleEngines.cpp does: the range is 127 times the number behind the last
    colon.
    """
    ranges = {}
    for line in text.splitlines()[1:]:
        colon = line.rfind(":")
        ranges[line[:colon]] = 127 * struct.unpack("!f", bytes.fromhex(line[colon + 2 :][:8]))[0]
    return ranges


def test_hex_by_hand() -> None:
    """127 / 127 = 1 = 2**0: exponent 127 = 0x7f, so 0x3f800000. 63.5 / 127 = 2**-1: 0x3f000000.

    1 / 127 = 1.007874 * 2**-7: exponent 120, and 0.007874016 * 2**23 = 66052 = 0x010204, so
    0x78 << 23 | 0x010204 = 0x3c010204. Zeros: scale 1.
    """
    assert cache_text(AMAX, (8, 2, 1)) == (
        "TRT-8201-EntropyCalibration2\n"
        "images: 3f800000\n"
        "/stem/Conv_output_0: 3c010204\n"
        "a: b: 3f000000\n"
        "zeros: 3f800000\n"
    )


def test_small_scales_keep_their_eight_digits() -> None:
    line = cache_text({"t": 127 * 2.0**-126}, (8, 2, 1)).splitlines()[1]
    assert line == "t: 00800000"


def test_an_independent_reader_finds_the_same() -> None:
    rng = np.random.default_rng(0)
    amax = {f"/layer.{i}/Conv_output_0": float(v) for i, v in enumerate(rng.uniform(0.01, 90, 99))}
    text = cache_text(amax, (10, 3, 0))
    assert as_nvidia_reads(text) == pytest.approx(amax, rel=1e-6)
    cache = read_cache(text)
    assert cache.header == "TRT-100300-EntropyCalibration2"
    assert list(cache.scales) == list(amax)
    assert {name: 127 * float(s) for name, s in cache.scales.items()} == as_nvidia_reads(text)


def test_what_no_line_can_say_is_refused() -> None:
    for name in ("", "two\nlines"):
        with pytest.raises(ModelError, match="printable names"):
            cache_text({name: 1.0}, (8, 2, 1))
    for value in (np.nan, np.inf, -1.0):
        with pytest.raises(ModelError, match="a finite range of t"):
            cache_text({"t": value}, (8, 2, 1))


def test_the_cache_of_a_model_has_what_int8_layers_touch_and_nothing_behind() -> None:
    golden = Path(__file__).parent.parent / "golden"
    scales = load_scales(golden / "tiny_int8.scales.json")
    text = model_cache(onnx.load(golden / "tiny_int8.onnx"), scales)
    touched = ["images", "stem", "stem_relu", "mixed", "sum", "back"]
    found = as_nvidia_reads(text)
    assert list(found) == touched
    assert found == pytest.approx({name: scales.amax[name] for name in touched}, rel=1e-6)


def test_what_the_gate_sent_back_to_float_has_no_range_to_read() -> None:
    """TensorRT computes nothing in INT8 that makes or reads a tensor without one."""
    golden = Path(__file__).parent.parent / "golden"
    scales = load_scales(golden / "tiny_int8.scales.json")
    model = onnx.load(golden / "tiny_int8.onnx")
    node = next(node for node in model.graph.node if "mixed" in node.output)
    sent_back = scales._replace(float_layers=(*scales.float_layers, node.name or node.output[0]))
    found, plain = (as_nvidia_reads(model_cache(model, each)) for each in (sent_back, scales))
    assert plain.keys() - found.keys() == {node.input[0]}
