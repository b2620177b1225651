"""A program that runs engines on the fake driver through one CUDA binding: what it found, as JSON.

python engine_program.py pycuda|cuda-python|ctypes FOLDER. The loader has to find the fake driver as
libcuda.so.1. It ends without closing one of its detectors.
"""

import atexit
import ctypes
import json
import os
import sys
import threading
from pathlib import Path

import pytest
from engine_machine import FLAVOURS, ONNX, EngineMachine, pictures
from fake_cuda import FakeGpu

from edgedet.runtime import gpu_identity, open_detector

ALL = {"conf": 0.0, "iou": 1.0}


def main(binding, folder):
    """Find objects with each TensorRT, in this thread and in another, and print what is left."""
    os.environ["EDGEDET_CUDA"] = binding
    ctypes.CDLL(gpu_identity.DRIVER, mode=ctypes.RTLD_GLOBAL)  # a pycuda may be linked to nothing
    gpu = FakeGpu(gpu_identity.DRIVER)
    told = {"same": [], "bindings": []}
    # Before any detector is opened, so that it comes after those that are closed at the end.
    atexit.register(lambda: sys.stdout.write(json.dumps(dict(told, left=left(gpu)))))
    frames = pictures(3)
    with open_detector(ONNX, **ALL) as detector:
        right = [detector(frame) for frame in frames]
    for flavour in FLAVOURS:
        place = Path(folder) / flavour
        place.mkdir()
        machine = EngineMachine(flavour, gpu, place, pytest.MonkeyPatch())
        with open_detector(machine.engine, **ALL) as detector:
            told["bindings"].append(detector.backend._session._cuda.name)
            found = [detector(frame) for frame in frames]
            told["same"].append(found == right == list(detector.stream(frames)))
            thread = threading.Thread(target=lambda: found.append(detector(frames[0])))  # noqa: B023
            thread.start()
            thread.join()
            told["same"].append(found[-1] == right[0])
    detector = open_detector(machine.engine)
    told["forgotten"] = len(detector(frames[0]))
    globals()["kept"] = detector


def left(gpu):
    """What should be nothing."""
    return [{kind: n for kind, n in gpu.live().items() if n}, gpu.lost(), gpu.violation()]


if __name__ == "__main__":
    main(*sys.argv[1:])
