"""Tests on a real NVIDIA GPU: ``pytest -m gpu``. Without one each is skipped, and says why."""

import sys

import pytest

from edgedet.runtime import engine_cache
from edgedet.runtime.errors import DeviceError
from edgedet.runtime.gpu_identity import find_gpu
from edgedet.runtime.tensorrt_flavour import TENSORRT, TENSORRT_RTX, open_flavour

# Models are made on a host; what is left for the Python of a Nano needs none.
collect_ignore = ["test_engines.py"] if sys.version_info < (3, 10) else []


@pytest.fixture(scope="session", autouse=True)
def gpu():
    """The GPU that CUDA shows this process first."""
    found = find_gpu()
    if found is None:
        pytest.skip("no NVIDIA GPU: libcuda.so.1 is absent here, or shows none")
    return found


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """A cache that is empty at the start of each test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, str(folder))
    return folder


@pytest.fixture(params=[TENSORRT, TENSORRT_RTX])
def flavour(request, gpu):
    """Each TensorRT that is installed and runs on this GPU."""
    try:
        opened = open_flavour(request.param)
    except DeviceError as error:
        pytest.skip(str(error))
    name = "SM" + gpu.compute_capability.replace(".", "")
    if opened.can.compute_targets and not hasattr(opened.module.ComputeCapability, name):
        pytest.skip(f"{opened.title} does not know {gpu}")
    return opened
