"""libcuda.so.1, the driver's own library, called by ctypes.

It is there wherever a GPU works, and its symbols carry versions, so that each means the same in
every release from CUDA 10 on.
"""

import ctypes
from ctypes import POINTER, c_char_p, c_float, c_int, c_size_t, c_uint, c_uint64, c_void_p
from typing import Any, Dict, Tuple

from . import gpu_identity
from .cuda_errors import CudaError, NoGpuError, no_driver

_FUNCTIONS: Dict[str, Tuple[str, Tuple[Any, ...]]] = {
    "cuInit": ("cuInit", (c_uint,)),
    "cuGetErrorName": ("cuGetErrorName", (c_int, POINTER(c_char_p))),
    "cuGetErrorString": ("cuGetErrorString", (c_int, POINTER(c_char_p))),
    "cuDeviceGet": ("cuDeviceGet", (POINTER(c_int), c_int)),
    "cuDeviceGetName": ("cuDeviceGetName", (c_char_p, c_int, c_int)),
    "cuDeviceGetAttribute": ("cuDeviceGetAttribute", (POINTER(c_int), c_int, c_int)),
    "cuDevicePrimaryCtxRetain": ("cuDevicePrimaryCtxRetain", (POINTER(c_void_p), c_int)),
    # The plain symbol is in every release; _v2 came with CUDA 11.
    "cuDevicePrimaryCtxRelease": ("cuDevicePrimaryCtxRelease", (c_int,)),
    "cuCtxPushCurrent": ("cuCtxPushCurrent_v2", (c_void_p,)),
    "cuCtxPopCurrent": ("cuCtxPopCurrent_v2", (POINTER(c_void_p),)),
    "cuMemGetInfo": ("cuMemGetInfo_v2", (POINTER(c_size_t), POINTER(c_size_t))),
    "cuMemAlloc": ("cuMemAlloc_v2", (POINTER(c_uint64), c_size_t)),
    "cuMemFree": ("cuMemFree_v2", (c_uint64,)),
    "cuMemHostAlloc": ("cuMemHostAlloc", (POINTER(c_void_p), c_size_t, c_uint)),
    "cuMemHostGetDevicePointer": (
        "cuMemHostGetDevicePointer_v2",
        (POINTER(c_uint64), c_void_p, c_uint),
    ),
    "cuMemFreeHost": ("cuMemFreeHost", (c_void_p,)),
    "cuMemcpyHtoDAsync": ("cuMemcpyHtoDAsync_v2", (c_uint64, c_void_p, c_size_t, c_void_p)),
    "cuMemcpyDtoHAsync": ("cuMemcpyDtoHAsync_v2", (c_void_p, c_uint64, c_size_t, c_void_p)),
    "cuStreamCreate": ("cuStreamCreate", (POINTER(c_void_p), c_uint)),
    "cuStreamSynchronize": ("cuStreamSynchronize", (c_void_p,)),
    "cuStreamDestroy": ("cuStreamDestroy_v2", (c_void_p,)),
    "cuEventCreate": ("cuEventCreate", (POINTER(c_void_p), c_uint)),
    "cuEventRecord": ("cuEventRecord", (c_void_p, c_void_p)),
    "cuEventSynchronize": ("cuEventSynchronize", (c_void_p,)),
    "cuEventElapsedTime": ("cuEventElapsedTime", (POINTER(c_float), c_void_p, c_void_p)),
    "cuEventDestroy": ("cuEventDestroy_v2", (c_void_p,)),
}
_GRAPH_FUNCTIONS: Dict[str, Tuple[str, Tuple[Any, ...]]] = {
    "cuStreamBeginCapture": ("cuStreamBeginCapture_v2", (c_void_p, c_int)),
    "cuStreamEndCapture": ("cuStreamEndCapture", (c_void_p, POINTER(c_void_p))),
    # This symbol kept the arguments of CUDA 10, though cuda.h gave its name to another since.
    "cuGraphInstantiate": (
        "cuGraphInstantiate",
        (POINTER(c_void_p), c_void_p, POINTER(c_void_p), c_char_p, c_size_t),
    ),
    "cuGraphLaunch": ("cuGraphLaunch", (c_void_p, c_void_p)),
    "cuGraphExecDestroy": ("cuGraphExecDestroy", (c_void_p,)),
    "cuGraphDestroy": ("cuGraphDestroy", (c_void_p,)),
}
MOST_CODES = 1000
"""CUDA_ERROR_UNKNOWN, 999, is the highest."""
THREAD_LOCAL_CAPTURE = 1
"""CUstreamCaptureMode: other threads may go on allocating."""


class CudaLibrary:
    """The driver's functions by their names in cuda.h."""

    def __init__(self) -> None:
        """NoGpuError without the library, or with one that is older than CUDA 10."""
        try:
            library = ctypes.CDLL(gpu_identity.DRIVER)
        except OSError as error:
            raise no_driver(error) from error
        try:
            self._functions = _bound(library, _FUNCTIONS)
        except AttributeError as error:
            raise NoGpuError("a driver too old ({})".format(error), "update it") from error
        try:
            self._functions.update(_bound(library, _GRAPH_FUNCTIONS))
            self.has_graphs = True
        except AttributeError:
            self.has_graphs = False

    def call(self, function: str, *arguments: Any) -> None:
        """Call a function; CudaError with the name of what it returned unless that is 0."""
        code = self._functions[function](*arguments)
        if code:
            raise CudaError(function, self._error_name(code))

    def name_of(self, text: str) -> str:
        """Return the name of the error that the driver describes so, or the text itself."""
        plain = text.split(" - ")[0]  # what pycuda adds comes behind
        for code in range(1, MOST_CODES):
            if self._described("cuGetErrorString", code) in (text, plain):
                return self._error_name(code)
        return text

    def _error_name(self, code: int) -> str:
        return self._described("cuGetErrorName", code) or "CUDA error {}".format(code)

    def _described(self, function: str, code: int) -> str:
        text = c_char_p()
        unknown = self._functions[function](code, ctypes.byref(text))
        return "" if unknown else (text.value or b"").decode("utf-8", "replace")


class GraphCalls:
    """Capture of streams into graphs, by the handles of the streams."""

    def __init__(self, library: CudaLibrary) -> None:
        """library: with graphs."""
        self._call = library.call

    def begin(self, stream: int) -> None:
        """Start to capture."""
        self._call("cuStreamBeginCapture", stream, THREAD_LOCAL_CAPTURE)

    def end(self, stream: int) -> Tuple[c_void_p, c_void_p]:
        """End the capture; return the executable graph, and the graph it was made of."""
        graph, executable = c_void_p(), c_void_p()
        self._call("cuStreamEndCapture", stream, ctypes.byref(graph))
        try:
            self._call("cuGraphInstantiate", ctypes.byref(executable), graph, None, None, 0)
        except CudaError:
            self._call("cuGraphDestroy", graph)
            raise
        return executable, graph

    def launch(self, graph: Tuple[c_void_p, c_void_p], stream: int) -> None:
        """Put a graph on a stream."""
        self._call("cuGraphLaunch", graph[0], stream)

    def destroy(self, graph: Tuple[c_void_p, c_void_p]) -> None:
        """Free what `end` returned."""
        try:
            self._call("cuGraphExecDestroy", graph[0])
        finally:
            self._call("cuGraphDestroy", graph[1])


def _bound(library: ctypes.CDLL, functions: Dict[str, Tuple[str, Tuple[Any, ...]]]) -> Any:
    """Return the functions with their argument types; AttributeError for one that lacks."""
    bound = {}
    for name, (symbol, arguments) in functions.items():
        bound[name] = getattr(library, symbol)
        bound[name].argtypes = arguments
    return bound
