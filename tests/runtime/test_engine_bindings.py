"""Engines through each CUDA binding as it is installed, in a process where the driver is a fake.

pycuda has no wheels: EDGEDET_PYCUDA names the folder it was installed into, unless it is installed.
"""

import importlib.machinery
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
from test_cuda_memory import PYCUDA, symbols

import edgedet.runtime

PACKAGE = Path(edgedet.runtime.__file__).parent.parent.parent


def told_by(binding, folder, *more):
    """What the program prints where every library finds the fake driver in `folder`."""
    places = [str(Path(__file__).parent), str(PACKAGE), *more, os.environ.get("PYTHONPATH", "")]
    python_path = os.pathsep.join(place for place in places if place)
    ran = subprocess.run(
        [sys.executable, engine_program.__file__, binding, str(folder)],
        env=dict(os.environ, LD_LIBRARY_PATH=str(folder), PYTHONPATH=python_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def require_right(told, binding):
    assert told["bindings"] == [binding] * len(FLAVOURS)
    assert told["same"] == [True, True] * len(FLAVOURS)
    assert told["left"] == [{}, 0, ""]


def test_every_tensorrt_through_ctypes(tmp_path):
    require_gcc()
    compile_fake(tmp_path)
    require_right(told_by("ctypes", tmp_path), "ctypes")


def test_every_tensorrt_through_cuda_python(tmp_path):
    require_gcc()
    pytest.importorskip("cuda.bindings", reason="no cuda-python here")
    compile_fake(tmp_path)
    require_right(told_by("cuda-python", tmp_path), "cuda-python")


def test_every_tensorrt_through_pycuda(tmp_path):
    require_gcc()
    found = importlib.machinery.PathFinder.find_spec("pycuda", [PYCUDA] if PYCUDA else None)
    if found is None:
        pytest.skip("no pycuda here: EDGEDET_PYCUDA names no folder that has it")
    (extension,) = Path(found.origin).parent.glob("_driver*.so")
    # It is linked to functions that the fake driver lacks, and would not load without.
    have = symbols(compile_fake(tmp_path), "--defined-only")
    wanted = {name for name in symbols(extension, "--undefined-only") if name.startswith("cu")}
    compile_fake(tmp_path, sorted(wanted - have))
    require_right(told_by("pycuda", tmp_path, PYCUDA or ""), "pycuda")
