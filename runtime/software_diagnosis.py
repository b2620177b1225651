"""Python and its packages, as the runtime needs them."""

import re
from typing import List, Optional

from .diagnosis import MISSING, OK, WARNING, Diagnosis
from .machine import Machine
from .python_modules import CRASHED, FOUND, Module, probe, version_numbers

OLDEST_PYTHON = (3, 6)
OLDEST_NUMPY = (1, 13)
CORTEX_A57 = re.compile(r"^CPU part\s*:\s*0xd07\s*$", re.MULTILINE)
BAD_OPENBLAS = "1.19.5"
CORETYPE = "OPENBLAS_CORETYPE"
FIX_CORETYPE = (
    "numpy 1.19.5 uses instructions that a Cortex-A57 lacks: export OPENBLAS_CORETYPE=ARMV8 "
    "(add it to ~/.bashrc), or install numpy 1.19.4"
)
INSTALL = {
    "numpy": "install it: pip install numpy (JetPack: sudo apt install python3-numpy)",
    "cv2": "install it: pip install opencv-python-headless (JetPack: sudo apt install "
    "python3-opencv)",
    "onnxruntime": "only to run .onnx files: pip install onnxruntime",
}
NAMES = {"numpy": "numpy", "cv2": "OpenCV", "onnxruntime": "ONNX Runtime"}
NO_GSTREAMER = (
    "CSI cameras need it: pip's OpenCV has none, JetPack's (sudo apt install python3-opencv) has; "
    "remove the one of pip"
)
_GSTREAMER = re.compile(r"GStreamer:\s*(\S.*)")


def diagnose_python(machine: Machine) -> Diagnosis:
    """Return the line about the interpreter."""
    module = probe(machine, "sys")
    if not module.found:
        return Diagnosis("Python", MISSING, module.reason, "install python3")
    version = module.told["python"]
    found = "{} ({})".format(version, module.told["executable"])
    if version_numbers(version)[:2] < OLDEST_PYTHON:
        return Diagnosis("Python", WARNING, found, "edgedet needs Python 3.6 or newer")
    return Diagnosis("Python", OK, found, "", {"version": version})


def diagnose_numpy(machine: Machine, module: Module) -> Diagnosis:
    """Return the line about numpy, which every model needs."""
    a57 = bool(CORTEX_A57.search(machine.read("proc/cpuinfo")))
    if a57 and module.state == CRASHED:
        return Diagnosis("numpy", WARNING, "crashes ({})".format(module.reason), FIX_CORETYPE)
    if not module.found:
        return not_found(module)
    if module.numbers[:2] < OLDEST_NUMPY:
        return Diagnosis("numpy", WARNING, _where(module), "edgedet needs numpy 1.13 or newer")
    if a57 and module.version == BAD_OPENBLAS and CORETYPE not in machine.environ:
        return Diagnosis("numpy", WARNING, _where(module), FIX_CORETYPE)
    return _fine(module)


def diagnose_opencv(module: Module, is_jetson: bool) -> Diagnosis:
    """Return the line about OpenCV and its GStreamer."""
    if not module.found:
        return not_found(module)
    match = _GSTREAMER.search(module.told.get("build", ""))
    gstreamer = match.group(1).strip() if match else "NO"
    found = "{}, GStreamer {}".format(_where(module), gstreamer)
    details = {"version": module.version, "gstreamer": gstreamer.upper().startswith("YES")}
    if is_jetson and not details["gstreamer"]:
        return Diagnosis("OpenCV", WARNING, found, NO_GSTREAMER, details)
    return Diagnosis("OpenCV", OK, found, "", details)


def diagnose_onnxruntime(module: Module) -> Diagnosis:
    """Return the line about ONNX Runtime and what it runs on."""
    if not module.found:
        return not_found(module)
    providers = module.told.get("providers", [])
    found = "{}, {}".format(_where(module), ", ".join(providers) or "no providers")
    details = {"version": module.version, "providers": providers}
    return Diagnosis("ONNX Runtime", OK, found, "", details)


def not_found(module: Module, name: Optional[str] = None, install: str = "") -> Diagnosis:
    """Return the line about a module that is absent, or there and broken."""
    name = name or NAMES.get(module.name, module.name)
    fix = install or INSTALL.get(module.name, "")
    if module.state == CRASHED:
        found = "its import ends with {}".format(module.reason)
        return Diagnosis(name, WARNING, found, "install it again, in a version for this CPU")
    if module.state != FOUND and "No module named" not in module.reason:
        return Diagnosis(name, WARNING, "there and broken: {}".format(module.reason), fix)
    return Diagnosis(name, MISSING, "not installed", fix)


def site_packages(modules: List[Module]) -> List[str]:
    """Return the folders that Python imports from."""
    folders: List[str] = []
    for module in modules:
        folders += [path for path in module.told.get("path", ()) if path.endswith("-packages")]
    return sorted(set(folders), key=folders.index)


def _fine(module: Module) -> Diagnosis:
    details = {"version": module.version, "file": module.told.get("file")}
    return Diagnosis(NAMES[module.name], OK, _where(module), "", details)


def _where(module: Module) -> str:
    place = module.told.get("file") or ""
    return "{} ({})".format(module.version, place.rpartition("/")[0] or place)
