"""The CUDA memory layer, through each binding, against a driver that enforces the contract.

pycuda has no wheels: EDGEDET_PYCUDA names the folder it was installed into, unless it is installed.
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

from edgedet.runtime import cuda_memory, cuda_pycuda, cuda_python, gpu_identity
from edgedet.runtime.cuda_errors import NoGpuError
from edgedet.runtime.cuda_memory import open_cuda
from edgedet.runtime.errors import DeviceError, UsageError
from edgedet.runtime.gpu_identity import find_gpu

NAMES = sorted(cuda_scenarios.SCENARIOS)
PYCUDA = os.environ.get("EDGEDET_PYCUDA")


@pytest.mark.parametrize("name", NAMES)
def test_ctypes(name):
    with fake_cuda() as gpu:
        cuda_scenarios.run(name, gpu, "ctypes")


@pytest.fixture(scope="module")
def driver_folder(tmp_path_factory):
    """Where libcuda.so.1 is the fake one, for processes that look for it there."""
    require_gcc()
    folder = tmp_path_factory.mktemp("driver")
    compile_fake(folder)
    return folder


def run_all(binding, folder, *more_paths):
    """Return which scenarios fail how, in a process whose libraries all find the fake driver."""
    paths = [str(Path(__file__).parent), *more_paths, os.environ.get("PYTHONPATH", "")]
    python_path = os.pathsep.join(path for path in paths if path)
    ran = subprocess.run(
        [sys.executable, cuda_scenarios.__file__, binding],
        env=dict(os.environ, LD_LIBRARY_PATH=str(folder), PYTHONPATH=python_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def cuda_python_failures(driver_folder):
    try:
        importlib.import_module("cuda.bindings.driver")
    except ImportError as error:
        pytest.skip("no cuda-python here ({})".format(error))
    return run_all("cuda-python", driver_folder)


@pytest.mark.parametrize("name", NAMES)
def test_the_real_cuda_python(name, cuda_python_failures):
    assert cuda_python_failures.get(name, "") == ""


@pytest.fixture(scope="module")
def pycuda_failures(driver_folder):
    found = importlib.machinery.PathFinder.find_spec("pycuda", [PYCUDA] if PYCUDA else None)
    if found is None:
        pytest.skip("no pycuda here: EDGEDET_PYCUDA names no folder that has it")
    # It is linked to functions that the fake driver lacks, and would not load without.
    (extension,) = Path(found.origin).parent.glob("_driver*.so")
    wanted = {name for name in symbols(extension, "--undefined-only") if name.startswith("cu")}
    lacking = wanted - symbols(driver_folder / "libcuda.so.1", "--defined-only")
    compile_fake(driver_folder, sorted(lacking))
    return run_all("pycuda", driver_folder, PYCUDA or "")


def symbols(library, which):
    command = ["nm", "-D", which, str(library)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, universal_newlines=True, check=True)
    return {line.split()[-1] for line in ran.stdout.splitlines() if line.strip()}


@pytest.mark.parametrize("name", NAMES)
def test_the_real_pycuda(name, pycuda_failures):
    assert pycuda_failures.get(name, "") == ""


def test_the_first_binding_that_works_is_taken(monkeypatch):
    """Neither pycuda nor cuda-python finds the fake driver of this process."""
    if find_gpu() is not None:
        pytest.skip("they find a real one")
    with fake_cuda() as gpu:
        monkeypatch.delenv("EDGEDET_CUDA")
        with open_cuda() as cuda:
            assert cuda.name == "ctypes"
        gpu.require_clean()


def test_bindings_are_tried_in_order(monkeypatch):
    tried = []

    def absent(name):
        def fails():
            tried.append(name)
            raise NoGpuError("no " + name, "fix " + name)

        return fails

    for name in list(cuda_memory._BINDINGS):
        monkeypatch.setitem(cuda_memory._BINDINGS, name, absent(name))
    monkeypatch.delenv("EDGEDET_CUDA", raising=False)
    with pytest.raises(NoGpuError, match="found no ctypes; fix ctypes"):
        open_cuda()
    assert tried == ["pycuda", "cuda-python", "ctypes"]
    monkeypatch.setenv("EDGEDET_CUDA", "cuda-python")
    with pytest.raises(NoGpuError, match="found no cuda-python"):
        open_cuda()
    with pytest.raises(NoGpuError, match="found no pycuda"):
        open_cuda("pycuda")
    assert tried[3:] == ["cuda-python", "pycuda"]
    monkeypatch.setenv("EDGEDET_CUDA", "cupy")
    with pytest.raises(UsageError, match="'cupy'; name one"):
        open_cuda()


def test_without_bindings(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycuda", None)
    with pytest.raises(NoGpuError, match="no pycuda .*; run: pip install pycuda"):
        cuda_pycuda.open_binding()
    for module in ("cuda", "cuda.bindings", "cuda.bindings.driver"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(NoGpuError, match="no cuda-python .*; run: pip install cuda-python"):
        cuda_python.open_binding()


def test_a_pycuda_that_fails_by_itself(monkeypatch, tmp_path):
    """As an old one does whose own code uses what a new numpy no longer has."""
    (tmp_path / "pycuda").mkdir()
    (tmp_path / "pycuda" / "__init__.py").write_text("")
    (tmp_path / "pycuda" / "driver.py").write_text("import numpy\nnumpy.gone\n")
    for name in [name for name in sys.modules if name.split(".")[0] == "pycuda"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(NoGpuError, match="no pycuda .*gone"):
        cuda_pycuda.open_binding()


def test_a_pycuda_from_before_primary_contexts(monkeypatch):
    """As 2019.1.2, which JetPack's users have."""

    class Device:
        pass

    old = type(sys)("pycuda.driver")
    old.Device = Device
    package = type(sys)("pycuda")
    package.driver = old
    monkeypatch.setitem(sys.modules, "pycuda", package)
    monkeypatch.setitem(sys.modules, "pycuda.driver", old)
    with pytest.raises(NoGpuError, match="a pycuda without primary contexts"):
        cuda_pycuda.open_binding()


def test_without_a_driver(monkeypatch):
    monkeypatch.setattr(gpu_identity, "DRIVER", "libnone.so.1")
    with pytest.raises(NoGpuError, match="found no NVIDIA driver .*libnone.*; install it"):
        open_cuda("ctypes")


def test_a_library_that_is_no_driver(tmp_path, monkeypatch):
    require_gcc()
    library = tmp_path / "libcuda.so.1"
    (tmp_path / "empty.c").write_text("")
    command = ["gcc", "-shared", "-o", str(library), str(tmp_path / "empty.c")]
    subprocess.run(command, check=True)
    monkeypatch.setattr(gpu_identity, "DRIVER", str(library))
    with pytest.raises(NoGpuError, match="a driver too old .*cuInit.*; update it"):
        open_cuda("ctypes")


def test_a_driver_without_graphs(tmp_path):
    require_gcc()
    with fake_cuda(library=compile_fake(tmp_path, options=["-DWITHOUT_GRAPHS"])) as gpu:
        with open_cuda() as cuda:
            assert not cuda.can_capture
            with pytest.raises(DeviceError, match="CUDA graphs .CUDA 10.1 on., found a driver"):
                cuda.stream().capture()
        gpu.require_clean()


def test_the_gpu_is_the_one_that_find_gpu_finds():
    with fake_cuda(name="Orin", compute_capability=(8, 7), integrated=True):
        cuda = open_cuda()
        assert find_gpu() == (cuda.device_name, cuda.compute_capability) == ("Orin", "8.7")
        assert cuda.integrated
        cuda.close()
