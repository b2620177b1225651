"""libnvidia-ml.so.1 compiled from fake_libnvidia_ml.c, and its hooks."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("fake_libnvidia_ml.c")


class FakeNvml:
    """One such library, loaded; what tests of it set is of this process."""

    def __init__(self, path):
        self.path = str(path)
        self._hooks = ctypes.CDLL(self.path)
        self._hooks.fake_set.argtypes = [ctypes.c_char_p, ctypes.c_ulonglong]

    def reset(self):
        self._hooks.fake_reset()

    def set(self, what, number):
        self._hooks.fake_set(what.encode(), number)

    def fail(self, function, code):
        self._hooks.fake_fail(function.encode(), code)

    def delay_ms(self, function, milliseconds):
        self._hooks.fake_delay_ms(function.encode(), milliseconds)

    def calls(self, function):
        return self._hooks.fake_calls(function.encode())

    @property
    def open(self):
        return self._hooks.fake_open()

    @property
    def asked(self):
        return self._hooks.fake_asked()


def compile_nvml(folder, *flags):
    """Return a new FakeNvml; skips the test without gcc."""
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("no gcc to compile the fake libnvidia-ml.so.1")
    path = Path(str(folder)) / "libnvidia-ml.so.1"
    command = [gcc, "-shared", "-fPIC", "-Wall", "-Werror", "-std=gnu99"]
    subprocess.check_call(command + list(flags) + ["-o", str(path), str(SOURCE), "-lpthread"])
    return FakeNvml(path)
