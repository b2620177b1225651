"""Do the driver's functions take what we give them? Asked of a real cuda.h, where there is one."""

import ctypes
import re
import sys
from pathlib import Path

import pytest

from edgedet.runtime import cuda_library

INTEGERS = {
    "int": ctypes.c_int,
    "CUresult": ctypes.c_int,
    "CUdevice": ctypes.c_int,
    "CUdevice_attribute": ctypes.c_int,
    "CUstreamCaptureMode": ctypes.c_int,
    "unsigned int": ctypes.c_uint,
    "size_t": ctypes.c_size_t,
    "CUdeviceptr": ctypes.c_uint64,
}
POINTERS = tuple(
    [ctypes.c_void_p, ctypes.c_char_p]
    + [ctypes.POINTER(kind) for kind in (ctypes.c_int, ctypes.c_float, ctypes.c_size_t)]
    + [ctypes.POINTER(kind) for kind in (ctypes.c_uint64, ctypes.c_void_p, ctypes.c_char_p)]
)
FUNCTIONS = dict(cuda_library._FUNCTIONS, **cuda_library._GRAPH_FUNCTIONS)


@pytest.fixture(scope="module")
def header():
    places = [Path(place) for place in sys.path if place.endswith("site-packages")]
    found = [path for place in places for path in place.glob("nvidia/*/include/cuda.h")]
    found += [
        path for place in places for path in place.glob("triton/backends/nvidia/include/cuda.h")
    ]
    found += sorted(Path("/usr/local").glob("cuda*/include/cuda.h"))
    if not found:
        pytest.skip("no cuda.h on this machine")
    return re.sub(r"/\*.*?\*/", "", found[0].read_text(errors="replace"), flags=re.S)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_arguments(name, header):
    symbol, arguments = FUNCTIONS[name]
    declared = re.findall(r"CUresult CUDAAPI " + symbol + r"\(([^)]*)\)", header)
    declared += re.findall(r"CUresult CUDAAPI " + name + r"\(([^)]*)\)", header)
    assert any(fits(text.split(","), arguments) for text in declared), declared


def fits(declared, arguments):
    """Whether C's arguments are those: integers of their size, and pointers."""
    if len(declared) != len(arguments):
        return False
    return all(kind in kinds(text) for text, kind in zip(declared, arguments))


def kinds(text):
    plain = re.sub(r"\bconst\b", "", text).strip()
    known = INTEGERS.get(re.sub(r"\s*\w+$", "", plain))
    return POINTERS if known is None else (known,)
