"""Readings of an NVIDIA card, from the library that nvidia-smi itself asks (NVML)."""

import ctypes
import time
from typing import Any, Dict, Optional, Set, Tuple

from .errors import DeviceError
from .gpu_identity import find_bus_id
from .power_reading import Reading, reading_of

LIBRARY = "libnvidia-ml.so.1"
# nvml.h, the same in all versions.
SUCCESS, NOT_SUPPORTED = 0, 3
TEMPERATURE_OF_GPU = 0
CLOCK_OF_MULTIPROCESSORS, CLOCK_OF_MEMORY = 1, 2
NAME_BYTES = 96
REASONS = {
    0x04: "power limit",
    0x08: "hardware slowdown",
    0x20: "too hot (driver)",
    0x40: "too hot (hardware)",
    0x80: "power supply (power brake)",
}
"""nvmlClocksEventReasons that hold clocks down; the others are idling and settings."""
HARDWARE_SLOWDOWN = 0x08
CAUSES_OF_HARDWARE_SLOWDOWN = 0x40 | 0x80
EVENT_REASONS = (
    "nvmlDeviceGetCurrentClocksEventReasons",
    "nvmlDeviceGetCurrentClocksThrottleReasons",
)
"""The second is its name before driver 535."""


class _Utilization(ctypes.Structure):
    """nvmlUtilization_t, in percent."""

    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]


class NvmlSource:
    """One card; what it does not tell is left out of its readings."""

    def __init__(self, library: Optional[str] = None) -> None:
        """Open the card that CUDA shows this process first, else the first one.

        library: default `LIBRARY`. Raises DeviceError without library, driver or card. Asking
        makes no CUDA context.
        """
        self._nvml = _load(library or LIBRARY)
        self._device = ctypes.c_void_p()
        self._silent: Set[str] = set()
        self.faults: Set[str] = set()
        """What failed, and is not merely missing on this card."""
        self._require("nvmlInit_v2")
        try:
            self._find()
        except BaseException:
            self.close()
            raise
        self.name = "nvml ({})".format(self._read_name() or "unnamed")
        self.limits = self._read_limits()
        """Highest clocks in MHz by name."""

    def read(self) -> Reading:
        """Return what the card says now."""
        time_s = time.monotonic()
        values: Dict[str, Dict[str, float]] = {}
        readings = (
            ("power_w", "gpu", self._number("nvmlDeviceGetPowerUsage"), 1e-3),
            ("temperature_c", "gpu", self._temperature(), 1.0),
            ("clock_mhz", "gpu", self._clock(CLOCK_OF_MULTIPROCESSORS), 1.0),
            ("clock_mhz", "memory", self._clock(CLOCK_OF_MEMORY), 1.0),
            ("load_percent", "gpu", self._load(), 1.0),
        )
        for kind, name, value, scale in readings:
            if value is not None:
                values.setdefault(kind, {})[name] = value * scale
        return reading_of(time_s, values, throttled=self._throttled())

    def close(self) -> None:
        """Release the library; its answers are gone then."""
        self._code("nvmlShutdown")

    def _find(self) -> None:
        bus_id = find_bus_id()
        device = ctypes.byref(self._device)
        if bus_id is not None:
            place = ctypes.c_char_p(bus_id.encode("ascii"))
            if self._code("nvmlDeviceGetHandleByPciBusId_v2", place, device) == SUCCESS:
                return
        self._require("nvmlDeviceGetHandleByIndex_v2", 0, device)

    def _read_name(self) -> str:
        text = ctypes.create_string_buffer(NAME_BYTES)
        failed = self._code("nvmlDeviceGetName", self._device, text, NAME_BYTES)
        return "" if failed else text.value.decode("utf-8", "replace")

    def _read_limits(self) -> Dict[str, float]:
        highest = self._number("nvmlDeviceGetMaxClockInfo", CLOCK_OF_MULTIPROCESSORS)
        return {} if highest is None else {"gpu": float(highest)}

    def _temperature(self) -> Optional[int]:
        return self._number("nvmlDeviceGetTemperature", TEMPERATURE_OF_GPU)

    def _clock(self, which: int) -> Optional[int]:
        return self._number("nvmlDeviceGetClockInfo", which)

    def _load(self) -> Optional[int]:
        load = _Utilization()
        return load.gpu if self._ask("nvmlDeviceGetUtilizationRates", load) else None

    def _throttled(self) -> Optional[Tuple[str, ...]]:
        bits = ctypes.c_ulonglong()
        if not any(self._ask(function, bits) for function in EVENT_REASONS):
            return None
        return throttle_reasons(bits.value)

    def _number(self, function: str, *arguments: int) -> Optional[int]:
        value = ctypes.c_uint()
        return value.value if self._ask(function, value, *arguments) else None

    def _ask(self, function: str, value: Any, *arguments: int) -> bool:
        """Fill `value` with what a function answers; False when it does not."""
        if function in self._silent:
            return False
        code = self._code(function, self._device, *(arguments + (ctypes.byref(value),)))
        if code == NOT_SUPPORTED:
            self._silent.add(function)
        elif code != SUCCESS:
            self.faults.add("{}: {}".format(function, self._explain(code)))
        return code == SUCCESS

    def _code(self, function: str, *arguments: Any) -> int:
        """Call a function; one that this driver lacks answers as one that the card lacks."""
        call = getattr(self._nvml, function, None)
        return NOT_SUPPORTED if call is None else int(call(*arguments))

    def _require(self, function: str, *arguments: Any) -> None:
        code = self._code(function, *arguments)
        if code != SUCCESS:
            found = "{}: {}".format(function, self._explain(code))
            raise DeviceError("a driver that answers", found, "see nvidia-smi")

    def _explain(self, code: int) -> str:
        text = self._nvml.nvmlErrorString(code) or b""
        return text.decode("utf-8", "replace") or "error {}".format(code)


def throttle_reasons(bits: int) -> Tuple[str, ...]:
    """Return why clocks are held down, from a mask of nvmlClocksEventReasons.

    >>> throttle_reasons(0x01 | 0x04)
    ('power limit',)
    """
    if bits & CAUSES_OF_HARDWARE_SLOWDOWN:
        bits &= ~HARDWARE_SLOWDOWN  # it says no more than its cause
    return tuple(meaning for bit, meaning in sorted(REASONS.items()) if bits & bit)


def _load(library: str) -> Any:
    try:
        nvml = ctypes.CDLL(library)
        nvml.nvmlErrorString.restype = ctypes.c_char_p
    except (AttributeError, OSError) as error:
        found = str(error)
        fix = "install the driver of the card, if there is one"
        raise DeviceError(library, found, fix) from error
    return nvml
