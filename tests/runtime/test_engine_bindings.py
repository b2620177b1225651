"""Engines through each CUDA binding as it is installed, in a process where the driver is a fake."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("cv2")
pytest.importorskip("onnxruntime")

import engine_program
from engine_machine import FLAVOURS
from fake_cuda import compile_fake, require_gcc
from test_cuda_memory import MODULES, missing_functions

import edgedet.runtime


@pytest.mark.parametrize("binding", ["ctypes", "cuda-python", "pycuda"])
def test_every_tensorrt_through(binding, tmp_path, monkeypatch):
    require_gcc()
    extra = os.environ.get("EDGEDET_PYCUDA", "") if binding == "pycuda" else ""
    if extra:
        monkeypatch.syspath_prepend(extra)
    functions = ()
    if binding in MODULES:
        reason = "no {} here".format(binding)
        module = pytest.importorskip(MODULES[binding], reason=reason)
        if binding == "pycuda":
            functions = missing_functions(Path(module.__file__).parent, tmp_path)
    compile_fake(tmp_path, functions)
    package = Path(edgedet.runtime.__file__).parent.parent.parent
    places = [str(Path(__file__).parent), str(package), extra, os.environ.get("PYTHONPATH", "")]
    ran = subprocess.run(
        [sys.executable, engine_program.__file__, binding, str(tmp_path)],
        env=dict(
            os.environ,
            LD_LIBRARY_PATH=str(tmp_path),
            PYTHONPATH=os.pathsep.join(place for place in places if place),
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["bindings"] == [binding] * len(FLAVOURS)
    assert told["same"] == [True, True] * len(FLAVOURS)
    assert told["left"] == [{}, 0, ""], ran.stderr
