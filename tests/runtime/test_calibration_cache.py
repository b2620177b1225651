"""The calibration cache on a device: what is one, and its first line."""

import pytest
from fake_tensorrt import fake_tensorrt

from edgedet.runtime import calibration_cache
from edgedet.runtime.calibration_cache import cache_header, main, read_cache, restamped
from edgedet.runtime.errors import ModelError

LINES = "images: 3f800000\n/stem/Conv_output_0: 3c010204\na: b: 3f000000\n"
TEXT = "TRT-8201-EntropyCalibration2\n" + LINES


def test_scales_by_hand():
    """0x3f800000 is 1, 0x3f000000 is 2**-1; 0x3c010204 is 1 / 127, see calibration/test_cache."""
    cache = read_cache(TEXT)
    assert cache.header == "TRT-8201-EntropyCalibration2"
    assert sorted(cache.scales) == ["/stem/Conv_output_0", "a: b", "images"]
    assert (cache.scales["images"], cache.scales["a: b"]) == (1.0, 0.5)
    assert abs(cache.scales["/stem/Conv_output_0"] * 127 - 1) < 1e-7


def test_versions():
    """NvInferRuntimeCommon.h of 8.2 and NvInferRuntimeBase.h of 10."""
    numbers = {(8, 2, 1): 8201, (8, 6, 1): 8601, (10, 3, 0): 100300, (10, 16, 1, 11): 101601}
    for version, number in numbers.items():
        assert cache_header(version) == "TRT-{}-EntropyCalibration2".format(number)


def test_another_first_line_and_nothing_else():
    assert restamped(TEXT, (10, 3, 0)) == "TRT-100300-EntropyCalibration2\n" + LINES


@pytest.mark.parametrize(
    "text",
    [
        "",
        "images: 3f800000\n",
        "TRT-8201-EntropyCalibration2\nimages 3f800000\n",
        "TRT-8201-EntropyCalibration2\nimages: 3f8000\n",
        "TRT-8201-EntropyCalibration2\nimages: 3f8000001\n",
        "TRT-8201-EntropyCalibration2\nimages: 00000000\n",
        "TRT-8201-EntropyCalibration2\nimages: 7f800000\n",
        "TRT-8201-EntropyCalibration2\nimages: bf800000\n",
        "TRT-8201-EntropyCalibration2\nimages: 3f800000\nimages: 3f800000\n",
    ],
)
def test_what_is_no_cache_is_refused(text):
    with pytest.raises(ModelError):
        read_cache(text)


@pytest.fixture
def cache(tmp_path):
    file = tmp_path / "model.calibration.cache"
    file.write_text(TEXT, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("version", "number"), [("8.2.1.8", 8201), ("8.5.2.2", 8502), ("10.3.0", 100300)]
)
def test_the_command_stamps_what_is_installed(version, number, cache, monkeypatch, capsys):
    monkeypatch.setitem(calibration_cache.sys.modules, "tensorrt", fake_tensorrt(version))
    assert main([str(cache)]) == 0
    header = "TRT-{}-EntropyCalibration2".format(number)
    assert capsys.readouterr().out == "{}: {}\n".format(cache, header)
    assert cache.read_text(encoding="utf-8") == header + "\n" + LINES


def test_the_command_where_there_is_nothing_to_stamp(cache, monkeypatch, capsys):
    monkeypatch.setitem(calibration_cache.sys.modules, "tensorrt", fake_tensorrt("11.4.0"))
    assert main([str(cache)]) == 4
    assert "TensorRT 8 to 10, which reads a cache" in capsys.readouterr().err
    monkeypatch.setitem(calibration_cache.sys.modules, "tensorrt", fake_tensorrt("8.2.1.8"))
    assert main([str(cache.with_name("absent"))]) == 4
    cache.write_text("no cache")
    assert main([str(cache)]) == 4
    assert cache.read_text() == "no cache"
    monkeypatch.setitem(calibration_cache.sys.modules, "tensorrt", None)
    assert main([str(cache)]) == 5
    assert capsys.readouterr().err.count("error: ") == 3
