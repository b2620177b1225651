"""OpenCV, imported at its first use, with one instruction for whoever lacks it."""

from types import ModuleType

from .lazy import require

HINT = "install it with `pip install opencv-python-headless` (JetPack ships its own)"


def opencv() -> ModuleType:
    """The ``cv2`` module; DeviceError when it is absent."""
    return require("cv2", HINT)
