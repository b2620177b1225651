"""What runs on the device: Python 3.6, numpy, and one backend.

The names below are loaded at their first use, so that reading an error class or a spec does not
import numpy: the command line starts in tens of milliseconds, and the doctor can report a numpy
that crashes.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .errors import DataError, DeviceError, EdgedetError, ModelError, UsageError
from .spec import ModelSpec

if TYPE_CHECKING:
    from .detections import Detections
    from .detector import Detector, open_detector

__all__ = [
    "DataError",
    "Detections",
    "Detector",
    "DeviceError",
    "EdgedetError",
    "ModelError",
    "ModelSpec",
    "UsageError",
    "open_detector",
]

_HOMES = {"Detections": "detections", "Detector": "detector", "open_detector": "detector"}


class _LazyModule(ModuleType):
    """Modules have no ``__getattr__`` of their own before Python 3.7."""

    def __getattr__(self, name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError("module {!r} has no attribute {!r}".format(__name__, name))
        return getattr(importlib.import_module("." + _HOMES[name], __name__), name)


sys.modules[__name__].__class__ = _LazyModule
