"""Import a heavy or optional module where it is used, with an error that says how to get it."""

import importlib
from types import ModuleType

from .errors import DeviceError


def require(module: str, fix: str) -> ModuleType:
    """The imported ``module``; DeviceError with ``fix`` when it is absent or cannot be loaded.

    Nothing is ever installed here: the user decides what goes onto the device.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise DeviceError("the Python module {}".format(module), str(error), fix) from error
