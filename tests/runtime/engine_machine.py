"""A machine with a GPU, a TensorRT of some version and an engine: all fake, and all of it runs."""

import sys
from pathlib import Path

import cv2
import numpy as np
from fake_tensorrt import RTX_VERSION, VERSIONS, Faults, fake_tensorrt, fake_tensorrt_rtx

from edgedet.runtime import engine_builder, engine_cache
from edgedet.runtime.engine_builder import engine_from_onnx
from edgedet.runtime.engine_options import EngineOptions
from edgedet.runtime.tensorrt_flavour import TENSORRT, TENSORRT_RTX, open_flavour

ONNX = Path(__file__).parent.parent / "golden" / "tiny_convolution.onnx"
FLAVOURS = [*VERSIONS, "rtx-" + RTX_VERSION]


class EngineMachine:
    """Where `engine` was built, and is to run."""

    def __init__(self, flavour, gpu, folder, monkeypatch):
        """gpu: what `fake_cuda` gives."""
        self.gpu, self.folder, self.faults = gpu, folder, Faults()
        self.is_rtx = flavour.startswith("rtx")
        name = TENSORRT_RTX if self.is_rtx else TENSORRT
        if self.is_rtx:
            self.trt = fake_tensorrt_rtx(self.faults, gpu)
        else:
            self.trt = fake_tensorrt(flavour, self.faults, gpu)
        monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, str(folder / "cache"))
        monkeypatch.setattr(engine_builder, "machine_memory", lambda: None)
        monkeypatch.setitem(sys.modules, name, self.trt)
        self.flavour = open_flavour(name)
        self.engine = folder / "model.engine"
        self.build(ONNX)
        self.trt.seen.ended.clear()

    def build(self, onnx):
        """Make the engine of another model."""
        options = EngineOptions("fp32", ("8.6",) if self.is_rtx else ())
        return engine_from_onnx(onnx, self.engine, self.flavour, options)

    def require_clean(self):
        """Fail unless nothing is held any more, and no rule was broken."""
        self.gpu.require_clean()
        assert (self.trt.seen.alive, self.trt.seen.violations) == ([], [])


def pictures(count=5):
    """Different frames, BGR uint8 [H,W,3]."""
    rng = np.random.RandomState(0)
    sizes = [(16, 16), (24, 40), (90, 64), (33, 17)]
    return [
        cv2.resize(rng.randint(0, 256, (4, 4, 3)).astype(np.uint8), sizes[i % 4][::-1])
        for i in range(count)
    ]
