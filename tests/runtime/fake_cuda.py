"""A GPU for tests: fake_libcuda.c compiled, loaded and told what to do. See there what it enforces.

    with fake_cuda() as gpu:
        with open_cuda() as cuda:
            ...
        assert gpu.live() == NOTHING

`gpu` plays the kernels: it reads and writes device memory and puts Python functions on streams.
"""

import atexit
import contextlib
import ctypes
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from edgedet.runtime import gpu_identity

SOURCE = Path(__file__).with_name("fake_libcuda.c")
KINDS = ("device memory", "host memory", "streams", "events", "graphs", "executables", "contexts")
NOTHING = dict.fromkeys(KINDS, 0)
OUT_OF_MEMORY, ILLEGAL_ADDRESS, LAUNCH_FAILED = 2, 700, 719
GIBIBYTE = 1 << 30
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
_COMPILED = []


class DeviceMemoryError(Exception):
    """A kernel that touches what is no device memory: a host pointer, or memory that was freed."""


class FakeGpu:
    """The hooks of a loaded fake driver."""

    def __init__(self, library):
        self.library = library
        """Its file, or `libcuda.so.1` where the loader finds it."""
        self.errors = []
        """What functions on streams raised; each made its stream fail with ILLEGAL_ADDRESS."""
        self._callbacks = []  # they live as long as a graph may call them
        self._hooks = ctypes.CDLL(str(library))
        for name in ("fake_violation", "fake_call"):
            getattr(self._hooks, name).restype = ctypes.c_char_p
        self._hooks.fake_device_bytes.restype = ctypes.c_size_t
        self.reset()

    def reset(self):
        """As after loading: nothing allocated, no faults, an RTX 3090 of 1 GiB."""
        self._hooks.fake_reset()
        del self.errors[:]

    def device(
        self, name="NVIDIA Tegra X1", compute_capability=(5, 3), integrated=True, n_bytes=1 << 30
    ):
        """Be another GPU."""
        major, minor = compute_capability
        self._hooks.fake_device(
            name.encode("ascii"), major, minor, int(integrated), ctypes.c_size_t(n_bytes)
        )

    def read(self, address, n_bytes):
        """Return bytes of device memory as they are now."""
        bytes_ = ctypes.create_string_buffer(n_bytes)
        self._touch(self._hooks.fake_read, address, bytes_, n_bytes)
        return bytes_.raw

    def write(self, address, data):
        """Change device memory now."""
        self._touch(self._hooks.fake_write, address, bytes(data), len(data))

    def enqueue(self, stream, function):
        """Put `function()` on the stream of this handle, as a kernel is; return the CUresult.

        It runs when somebody waits for the stream. What it raises is an error of the stream.
        """

        def call(_):
            try:
                function()
            except Exception as error:
                # Its frames would keep alive what the test forgets.
                self.errors.append(error.with_traceback(None))
                return ILLEGAL_ADDRESS
            return 0

        self._callbacks.append(CALLBACK(call))
        return self._hooks.fake_enqueue(
            ctypes.c_void_p(stream), self._callbacks[-1], ctypes.c_void_p()
        )

    def fail(self, function="*", nth=1, code=LAUNCH_FAILED):
        """Let the nth call from now of a driver function give an error; nth=0: none."""
        self._hooks.fake_fail(function.encode("ascii"), nth, code)

    def calls(self, function="*"):
        """Return how often a driver function was called."""
        return self._hooks.fake_calls(function.encode("ascii"))

    def names(self):
        """Return the names of all driver functions that were called, in order."""
        return [self._hooks.fake_call(i).decode("ascii") for i in range(self.calls())]

    def live(self):
        """Return how many things of each kind exist; `NOTHING` after a clean end."""
        return {kind: self._hooks.fake_live(i) for i, kind in enumerate(KINDS)}

    def lost(self):
        """Return how many things died with their context instead of being freed."""
        return self._hooks.fake_lost()

    def device_bytes(self):
        """Return how much device memory is allocated."""
        return self._hooks.fake_device_bytes()

    def violation(self):
        """Return the last misuse that a real driver would not have told of, or ""."""
        return self._hooks.fake_violation().decode("ascii")

    def require_clean(self):
        """Fail unless everything was freed, once and in order."""
        left = {kind: number for kind, number in self.live().items() if number}
        found = left, self.lost(), self.violation()
        if found != ({}, 0, ""):
            raise AssertionError("not freed: {}; lost: {}; {}".format(*found))

    def _touch(self, hook, address, data, n_bytes):
        if hook(ctypes.c_uint64(address), data, ctypes.c_size_t(n_bytes)):
            found = "{} bytes at {:#x} are no device memory".format(n_bytes, address)
            raise DeviceMemoryError(found)


def compile_fake(folder, extra_functions=(), options=()):
    """Compile the driver into `folder` and return its file; extra functions give NOT_SUPPORTED."""
    library = Path(str(folder)) / "libcuda.so.1"
    stubs = library.with_name("more.c")
    stubs.write_text("".join("int {}(void) {{ return 801; }}\n".format(f) for f in extra_functions))
    command = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), str(stubs)]
    subprocess.run([*command, *options, "-ldl", "-lpthread"], check=True)
    return library


def require_gcc():
    """Skip without a compiler."""
    if not shutil.which("gcc"):
        pytest.skip("NO GCC ON THIS MACHINE: the driver that plays the GPU cannot be compiled")


def fake_library():
    """Return the compiled driver, one for the whole process; skip without a compiler."""
    require_gcc()
    if not _COMPILED:
        folder = tempfile.mkdtemp(prefix="edgedet-fake-cuda-")
        atexit.register(shutil.rmtree, folder, True)
        _COMPILED.append(compile_fake(folder))
    return _COMPILED[0]


@contextlib.contextmanager
def fake_cuda(library=None, **device):
    """Let the runtime find the fake driver, by ctypes; `device`: as of `FakeGpu.device`.

    library: another than that of `fake_library`.

    Only files opened by `gpu_identity.DRIVER` are led astray: other packages of this process, as
    torch, go on finding no GPU.
    """
    gpu = FakeGpu(library or fake_library())
    if device:
        gpu.device(**device)
    before = gpu_identity.DRIVER, os.environ.get("EDGEDET_CUDA")
    gpu_identity.DRIVER, os.environ["EDGEDET_CUDA"] = str(gpu.library), "ctypes"
    try:
        yield gpu
    finally:
        gpu.fail(nth=0)
        gpu_identity.DRIVER = before[0]
        os.environ.pop("EDGEDET_CUDA", None)
        if before[1] is not None:
            os.environ["EDGEDET_CUDA"] = before[1]
