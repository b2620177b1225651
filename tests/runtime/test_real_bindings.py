"""Does the fake TensorRT have what the real one has? Asked of NVIDIA's own bindings.

They are not fetched by a test. Once, where there is a network:
    pip download --no-deps -d wheels tensorrt_bindings==8.6.1 tensorrt_cu12_bindings==10.3.0
and EDGEDET_TENSORRT_WHEELS=wheels for this test.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bindings_without_tensorrt import unpack

import edgedet.runtime

FOLDER = os.environ.get("EDGEDET_TENSORRT_WHEELS")
TAG = "cp{}{}-".format(*sys.version_info[:2])
WHEELS = sorted(Path(FOLDER).glob("tensorrt*" + TAG + "*.whl")) if FOLDER else []
NEAREST = {"8": "8.6.1", "10": "10.3.0", "11": "11.4.0"}
ASK = """
import inspect, json, sys
sys.path[:0] = json.loads(sys.argv[2])
import tensorrt_bindings as real
from fake_tensorrt import fake_tensorrt
import numpy
from edgedet.runtime.build_families import HELD_LAYERS
from edgedet.runtime.build_watch import BuildWatch, new_monitor
from edgedet.runtime.network_layers import LEARNED_LAYERS, MOVING_LAYERS
from edgedet.runtime.network_parser import DTYPES
from edgedet.runtime.tensorrt_flavour import capabilities_of
from edgedet.runtime.tensorrt_log import new_log

names = {"Layer": "ILayer", "Tensor": "ITensor", "TimingCache": "ITimingCache"}

def members(cls):
    if hasattr(cls, "__members__"):
        return list(cls.__members__)
    own = [name for name in vars(cls) if not name.startswith("_") and name != "fields"]
    return own + list(getattr(cls, "fields", ()))

fake = fake_tensorrt(sys.argv[1])
classes = {names.get(n, n): c for n, c in vars(fake).items() if inspect.isclass(c)}
lacking = [
    "{}.{}".format(name, member)
    for name, cls in classes.items()
    for member in members(cls)
    if not hasattr(getattr(real, name), member)
]
log = new_log(real)
for severity in ("ERROR", "WARNING", "VERBOSE"):
    log.log(real.ILogger.Severity.__members__[severity], severity)
stops = None
if capabilities_of(real).progress:
    watch = BuildWatch(log)
    monitor = new_monitor(real, watch)
    monitor.phase_start("build", None, 2)
    watch.cancelled = True
    stops = not monitor.step_complete("build", 0)
try:
    started = "a builder"
    real.Builder(log)
except (TypeError, RuntimeError):
    started = "an exception"
said = {
    name: getattr(real.IExecutionContext, name).__doc__.split("\\n")[0]
    for name in ("execute_async_v2", "execute_async_v3", "set_tensor_address")
    if hasattr(real.IExecutionContext, name)
}
def int8():
    # What int8_network does to tensors and layers, on objects without a network behind them.
    layer = real.ILayer.__new__(real.ILayer)
    layer.__class__ = real.IConvolutionLayer
    bias = numpy.array([1, 2, 3], dtype="float32")
    return {
        "settable": [
            name
            for name, cls in (
                ("dynamic_range", real.ITensor),
                ("precision", real.ILayer),
                ("bias", real.IConvolutionLayer),
            )
            if getattr(getattr(cls, name, None), "fset", None) is not None
        ],
        "asked": [n for n in ("platform_has_fast_int8",) if hasattr(real.Builder, n)],
        "flag": "INT8" in real.BuilderFlag.__members__,
        "bias": [real.Weights(bias).size, real.Weights(bias).dtype.name],
        "dequantize": "DEQUANTIZE" in real.LayerType.__members__,
        "cache": hasattr(real, "IInt8EntropyCalibrator2"),
    }
layers = set(HELD_LAYERS + LEARNED_LAYERS + MOVING_LAYERS)
print(json.dumps({
    "lacking": lacking,
    "capabilities": [capabilities_of(real), capabilities_of(fake)],
    "log": [log.count, log.cause()],
    "stops": stops,
    "answers": sorted(name for name, text in said.items() if text.endswith("-> bool")),
    "started": started,
    "layers": sorted(layers - set(real.LayerType.__members__)),
    "int8": int8(),
    "types": sorted(set(DTYPES) - set(real.DataType.__members__)),
}))
"""


@pytest.fixture(params=WHEELS or [None], ids=lambda wheel: wheel.name if wheel else "none")
def answers(request, tmp_path):
    if request.param is None:
        pytest.skip("no TensorRT bindings: EDGEDET_TENSORRT_WHEELS names no folder of wheels")
    if platform.machine() != "x86_64" or not shutil.which("gcc"):
        pytest.skip("making the libraries takes gcc on x86-64")
    folder = unpack(request.param, tmp_path)
    major = request.param.name.split("-")[1].split(".")[0]
    package = Path(edgedet.runtime.__file__).parent.parent.parent
    places = json.dumps([str(Path(__file__).parent), str(package), str(folder)])
    ran = subprocess.run(
        [sys.executable, "-c", ASK, NEAREST[major], places],
        env=dict(os.environ, LD_LIBRARY_PATH=str(folder / "libraries")),
        stdout=subprocess.PIPE,
        universal_newlines=True,
        check=True,
    )
    return major, json.loads(ran.stdout)


def test_the_fake_has_nothing_that_the_real_one_lacks(answers):
    major, found = answers
    assert found["lacking"] == []
    assert found["capabilities"][0] == found["capabilities"][1]
    assert found["layers"] == ([] if major == "8" else ["FULLY_CONNECTED"])
    assert set(found["types"]) <= ({"BF16", "INT64"} if major == "8" else set())


def test_runs_answer_whether_they_were_queued(answers):
    major, found = answers
    asked = ["execute_async_v2"] if major == "8" else []
    assert found["answers"] == [*asked, "execute_async_v3", "set_tensor_address"]


def test_our_logger_and_monitor_are_theirs(answers):
    major, found = answers
    assert found["log"] == [3, "ERROR"]
    assert found["stops"] == (None if major == "8" else True)
    assert found["started"] == "an exception"  # as where CUDA does not start


def test_int8_is_said_by_what_they_have(answers):
    """11 takes it from the graph; what reads a calibration cache has gone there too."""
    major, found = answers
    weak = major in ("8", "10")
    assert found["int8"] == {
        "settable": ["dynamic_range", "precision", "bias"] if weak else ["bias"],
        "asked": ["platform_has_fast_int8"] if weak else [],
        "flag": weak,
        "bias": [3, "FLOAT"],
        "dequantize": True,
        "cache": weak,
    }
