"""Import a heavy or optional module where it is used, with an error that says how to get it."""

import importlib
from types import ModuleType

from .errors import DeviceError


def require(module: str, fix: str) -> ModuleType:
    """The imported ``module``; DeviceError with ``fix`` when it is absent or cannot be loaded.

    Nothing is ever installed here: the user decides what goes onto the device.
    """
    expected = "the Python module {}".format(module)
    try:
        imported = importlib.import_module(module)
    except (ImportError, OSError) as error:  # OSError: one that loads its libraries itself
        if isinstance(error.__cause__, KeyboardInterrupt):  # what pybind11 makes of Ctrl-C
            raise KeyboardInterrupt from error
        raise DeviceError(expected, str(error), fix) from error
    if hasattr(imported, "__path__") and getattr(imported, "__file__", None) is None:
        # Left by pip, or a folder of the user: Python imports it as an empty package.
        raise DeviceError(expected, "only a folder, {}".format(list(imported.__path__)[0]), fix)
    return imported
