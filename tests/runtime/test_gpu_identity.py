"""The GPU's name and compute capability, from a driver that is played."""

import ctypes

import pytest

from edgedet.runtime import gpu_identity
from edgedet.runtime.gpu_identity import Gpu, find_bus_id, find_gpu


class Driver:
    """libcuda with one GPU; `failing` names the call that gives an error code."""

    def __init__(self, failing=None):
        self._failing = failing

    def _code(self, call):
        return 100 if call == self._failing else 0

    def cuInit(self, flags):  # noqa: N802 - NVIDIA's name
        return self._code("cuInit")

    def cuDeviceGet(self, device, index):  # noqa: N802
        return self._code("cuDeviceGet")

    def cuDeviceGetName(self, name, length, device):  # noqa: N802
        name.value = b"NVIDIA GeForce RTX 3090"
        return self._code("cuDeviceGetName")

    def cuDeviceGetPCIBusId(self, place, length, device):  # noqa: N802
        place.value = b"0000:41:00.0"
        return self._code("cuDeviceGetPCIBusId")

    def cuDeviceGetAttribute(self, value, which, device):  # noqa: N802
        value._obj.value = {75: 8, 76: 6}[which]
        return self._code("cuDeviceGetAttribute")


def test_the_first_gpu(monkeypatch):
    monkeypatch.setattr(gpu_identity.ctypes, "CDLL", lambda name: Driver())
    assert find_gpu() == Gpu("NVIDIA GeForce RTX 3090", "8.6")
    assert str(find_gpu()) == "NVIDIA GeForce RTX 3090 (compute capability 8.6)"


@pytest.mark.parametrize(
    "call", ["cuInit", "cuDeviceGet", "cuDeviceGetName", "cuDeviceGetAttribute"]
)
def test_any_failing_call_means_none(call, monkeypatch):
    monkeypatch.setattr(gpu_identity.ctypes, "CDLL", lambda name: Driver(call))
    assert find_gpu() is None


def test_its_place_on_the_bus(monkeypatch):
    monkeypatch.setattr(gpu_identity.ctypes, "CDLL", lambda name: Driver())
    assert find_bus_id() == "0000:41:00.0"


@pytest.mark.parametrize("call", ["cuInit", "cuDeviceGet", "cuDeviceGetPCIBusId"])
def test_any_failing_call_means_no_place(call, monkeypatch):
    monkeypatch.setattr(gpu_identity.ctypes, "CDLL", lambda name: Driver(call))
    assert find_bus_id() is None


def test_without_a_driver():
    with pytest.raises(OSError, match="libnone"):
        ctypes.CDLL("libnone.so.1")
    assert find_gpu("libnone.so.1") is None
    assert find_bus_id("libnone.so.1") is None
