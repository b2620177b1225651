"""What went wrong with CUDA, and what to do about it: one line, whichever binding said so."""

from typing import Dict, Tuple

from .errors import DeviceError

OUT_OF_MEMORY = "CUDA_ERROR_OUT_OF_MEMORY"
CAPTURE_ERRORS = "CUDA_ERROR_STREAM_CAPTURE_"
"""How the names begin of all errors that a stream gives because it captures."""

_AGAIN = "start the program again; if it stays, run the doctor: python3 -m edgedet.runtime.doctor"
_BROKEN = (
    "a kernel failed before this call, and CUDA is lost to this process: start the program again,"
    " and build the engine again if it stays"
)
_FORKED = (
    "CUDA does not survive a fork: open it in the process that uses it (multiprocessing: the start"
    " method spawn)"
)
_FIXES: Dict[str, str] = {
    OUT_OF_MEMORY: "close what else uses the GPU, or take a smaller batch or input",
    "CUDA_ERROR_NOT_INITIALIZED": _FORKED,
    "CUDA_ERROR_ILLEGAL_ADDRESS": _BROKEN,
    "CUDA_ERROR_LAUNCH_FAILED": _BROKEN,
    "CUDA_ERROR_LAUNCH_TIMEOUT": _BROKEN,
    "CUDA_ERROR_ECC_UNCORRECTABLE": "the GPU's memory is faulty: reset the GPU or reboot",
    "CUDA_ERROR_DEVICE_UNAVAILABLE": "another process has the GPU for itself alone: end it",
}
_NO_GPU_FIXES: Dict[str, str] = {
    "CUDA_ERROR_NO_DEVICE": "check nvidia-smi and CUDA_VISIBLE_DEVICES; a container wants --gpus"
    " all (Jetson: --runtime nvidia); on a Jetson the user has to be in the group video",
    "CUDA_ERROR_STUB_LIBRARY": "the libcuda that was found is the CUDA toolkit's stub: take its"
    " folder out of LD_LIBRARY_PATH",
    "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH": "the driver was updated while it ran: reboot",
    "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE": "take the CUDA compatibility libraries out of"
    " LD_LIBRARY_PATH: this GPU does not take them",
    "CUDA_ERROR_SYSTEM_NOT_READY": "start nvidia-fabricmanager and try again",
    "CUDA_ERROR_UNKNOWN": "the driver does not start, as after a suspend or an update: reboot",
    OUT_OF_MEMORY: "no memory is left for CUDA itself: close other programs",
}


class NoGpuError(DeviceError):
    """No GPU that CUDA can use, or no way from Python to it; `found` has the cause."""

    def __init__(self, cause: str, fix: str) -> None:
        super().__init__("a GPU that CUDA can use", cause, fix)


class CudaError(DeviceError):
    """A call that CUDA refused; `call` and `name` are CUDA's own names."""

    def __init__(self, call: str, name: str, fix: str = "", wanted: str = "to succeed") -> None:
        fix = fix or _FIXES.get(name, _AGAIN)
        super().__init__("the CUDA call {} {}".format(call, wanted), name, fix)
        self.call = call
        self.name = name


def no_gpu(error: CudaError) -> NoGpuError:
    """Return what a call that failed at the start means: there is no GPU to be used."""
    fix = _NO_GPU_FIXES.get(error.name, error.fix)
    return NoGpuError("{} from {}".format(error.name, error.call), fix)


def no_driver(cause: object) -> NoGpuError:
    """Return that the driver's library cannot be loaded; cause: what the loader said."""
    return NoGpuError(
        "no NVIDIA driver ({})".format(cause),
        "install it; a container wants --gpus all (Jetson: --runtime nvidia)",
    )


def out_of_memory(error: CudaError, wanted_bytes: int, free_total: Tuple[int, int]) -> CudaError:
    """Return an allocation's error with how much was asked, and how much there is."""
    free, total = free_total
    found = "{} with {:.1f} of {:.1f} MB free".format(error.name, free / 1e6, total / 1e6)
    told = CudaError(error.call, found, error.fix, "to give {:.1f} MB".format(wanted_bytes / 1e6))
    told.name = error.name
    return told
