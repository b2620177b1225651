"""The CUDA memory layer, through each binding, against a driver that enforces the contract.

pycuda has no wheels: EDGEDET_PYCUDA names a folder it was installed into, unless it is installed.
"""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import cuda_scenarios
import pytest
from fake_cuda import compile_fake, fake_cuda, require_gcc

from edgedet.runtime import cuda_memory, gpu_identity
from edgedet.runtime.cuda_errors import NoGpuError
from edgedet.runtime.cuda_memory import open_cuda
from edgedet.runtime.errors import DeviceError, UsageError

NAMES = sorted(cuda_scenarios.SCENARIOS)
MODULES = {"cuda-python": "cuda.bindings.driver", "pycuda": "pycuda"}


@pytest.mark.parametrize("name", NAMES)
def test_ctypes(name):
    with fake_cuda() as gpu:
        cuda_scenarios.run(name, gpu, "ctypes")


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    """Which scenarios fail with a binding: run in a process of its own, where the fake driver is
    what every library finds."""
    known = {}

    def of(binding):
        if binding not in known:
            known[binding] = run_all(binding, tmp_path_factory.mktemp(binding))
        return known[binding]

    return of


def run_all(binding, folder):
    require_gcc()
    extra = os.environ.get("EDGEDET_PYCUDA", "") if binding == "pycuda" else ""
    sys.path.insert(0, extra) if extra else None
    try:
        module = importlib.import_module(MODULES[binding])
    except ImportError as error:
        pytest.skip("no {} here ({})".format(binding, error))
    finally:
        sys.path.remove(extra) if extra else None
    functions = (
        missing_functions(Path(module.__file__).parent, folder) if binding == "pycuda" else ()
    )
    compile_fake(folder, functions)
    paths = [str(Path(__file__).parent), extra, os.environ.get("PYTHONPATH", "")]
    ran = subprocess.run(
        [sys.executable, cuda_scenarios.__file__, binding],
        env=dict(
            os.environ,
            LD_LIBRARY_PATH=str(folder),
            PYTHONPATH=os.pathsep.join(path for path in paths if path),
        ),
        stdout=subprocess.PIPE,
        universal_newlines=True,
    )
    assert ran.returncode == 0
    return json.loads(ran.stdout)


def missing_functions(package, folder):
    """The functions that pycuda is linked to, and the fake driver does not have."""
    have = names_of(compile_fake(folder), "--defined-only")
    (extension,) = package.glob("_driver*.so")
    wanted = {name for name in names_of(extension, "--undefined-only") if name.startswith("cu")}
    return sorted(wanted - have)


def names_of(library, which):
    command = ["nm", "-D", which, str(library)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, universal_newlines=True, check=True)
    return {line.split()[-1] for line in ran.stdout.splitlines() if line.strip()}


@pytest.mark.parametrize("name", NAMES)
def test_the_real_cuda_python(name, failures):
    assert failures("cuda-python").get(name, "") == ""


@pytest.mark.parametrize("name", NAMES)
def test_the_real_pycuda(name, failures):
    assert failures("pycuda").get(name, "") == ""
