"""CUDA and TensorRT: each copy there is, which one would be loaded, and whether they agree."""

from typing import List, Optional, Sequence, Set, Tuple

from .devices import oldest_tensorrt
from .diagnosis import MISSING, OK, WARNING, Diagnosis
from .gpu_diagnosis import Gpu
from .machine import Machine
from .python_modules import Module
from .shared_libraries import PACKAGE, Library, find_libraries, loaded_library
from .software_diagnosis import not_found

FOR_ENGINES = "only for TensorRT engines: "
JETPACK = FOR_ENGINES + "sudo apt install nvidia-jetpack (it belongs to the system, not to pip)"
LIBRARIES = (
    ("CUDA driver", "libcuda.so", FOR_ENGINES + "install NVIDIA's driver"),
    ("CUDA runtime", "libcudart.so", FOR_ENGINES + "it comes with CUDA or pip's TensorRT"),
    ("cuDNN", "libcudnn.so", "only for TensorRT before 10 and ONNX Runtime on CUDA"),
    ("TensorRT", "libnvinfer.so", FOR_ENGINES + "pip install tensorrt"),
    (
        "TensorRT-RTX",
        "libtensorrt_rtx.so",
        FOR_ENGINES + "pip install tensorrt-rtx",
    ),
)
RTX_ONLY = "TensorRT-RTX"
"""There is none for Jetson."""
BINDINGS = (
    ("tensorrt", "TensorRT for Python", "TensorRT"),
    ("tensorrt_rtx", "TensorRT-RTX for Python", "TensorRT-RTX"),
)
JETSON_PYTHON = (
    FOR_ENGINES
    + "JetPack's bindings are those of the system's own python3 (3.6 on JetPack 4), sudo "
    "apt install python3-libnvinfer; pip has none for this board"
)
AGREEING_PARTS = 2
"""Major and minor version of the bindings and the library have to be the same."""


def diagnose_libraries(
    machine: Machine, gpu: Optional[Gpu], modules: Sequence[Module], packages: Sequence[str]
) -> List[Diagnosis]:
    """Return one line for each library of CUDA and TensorRT.

    modules: what the Python bindings were found to be; what they loaded tells which copy is used.
    """
    told = [path for module in modules for path in module.told.get("libraries", ())]
    in_memory = {machine.real(path) for path in told}
    jetson = gpu is not None and gpu.is_jetson
    lines = []
    for name, stem, install in LIBRARIES:
        if jetson and name == RTX_ONLY:
            continue
        found = find_libraries(machine, stem, packages)
        lines.append(_library(name, found, in_memory, JETPACK if jetson else install))
    return lines


def diagnose_bindings(
    gpu: Optional[Gpu], modules: Sequence[Module], libraries: Sequence[Diagnosis]
) -> List[Diagnosis]:
    """Return one line for each Python binding of TensorRT, compared with the library it uses."""
    by_name = {module.name: module for module in modules}
    versions = {line.name: line.details.get("loaded_version", "") for line in libraries}
    jetson = gpu is not None and gpu.is_jetson
    lines = []
    for module_name, name, library in BINDINGS:
        if jetson and library == RTX_ONLY:
            continue
        fix = JETSON_PYTHON if jetson else FOR_ENGINES + "pip install " + module_name
        module = by_name[module_name]
        version = versions.get(library, "")
        lines.append(_binding(module, name, version, gpu, fix.replace("_", "-")))
    return lines


def diagnose_memory_layer(modules: Sequence[Module]) -> Diagnosis:
    """Return the line about what moves data to the GPU from Python, the first of it by default."""
    found = [module for module in modules if module.found]
    names = ["{} {}".format(m.name.partition(".")[0], m.version).strip() for m in found]
    text = ", ".join(names) or "ctypes, which needs the CUDA driver alone"
    return Diagnosis("CUDA for Python", OK, text)


def _library(name: str, found: Sequence[Library], in_memory: Set[str], install: str) -> Diagnosis:
    if not found:
        return Diagnosis(name, MISSING, "no {}".format(name), install)
    loaded = loaded_library(found, in_memory)
    texts = [_text(library, library in loaded, in_memory) for library in found]
    details = {
        "copies": [dict(lib._asdict(), loaded=lib in loaded) for lib in found],
        "loaded_version": loaded[0].version if loaded else "",
    }
    versions = sorted({lib.numbers for lib in found if lib.numbers})
    status, fix = OK, ""
    if not loaded and all(library.origin != PACKAGE for library in found):
        status = WARNING
        fix = "the loader does not see it: export LD_LIBRARY_PATH={}".format(_folder(found[0]))
    elif name.startswith("TensorRT") and not _same(versions):
        status = WARNING
        fix = "keep one: engines of one version do not load in another"
    return Diagnosis(name, status, "\n".join(texts), fix, details)


def _same(versions: "Sequence[Tuple[int, ...]]") -> bool:
    """Return whether versions differ in their length at most, as 8 and 8.2.1 do."""
    pairs = zip(versions, versions[1:])
    return all(short == long[: len(short)] for short, long in pairs)


def _text(library: Library, used: bool, in_memory: Set[str]) -> str:
    """Describe a copy; what the Python bindings had in memory is certain, the rest is by order."""
    mark = ", would be loaded" if used else ""
    if library.path in in_memory:
        mark = ", loaded"
    return "{} at {} ({}{})".format(library.version or "?", library.path, library.origin, mark)


def _folder(library: Library) -> str:
    return library.path.rpartition("/")[0]


def _binding(module: Module, name: str, library: str, gpu: Optional[Gpu], fix: str) -> Diagnosis:
    if not module.found:
        return not_found(module, name, fix)
    found = "{} ({})".format(module.version, module.told.get("file", "").rpartition("/")[0])
    details = {"version": module.version}
    parts = library.split(".")[:AGREEING_PARTS]
    if library and module.version.split(".")[: len(parts)] != parts:
        fix = "they must be one version: the library that is loaded is {}".format(library)
        return Diagnosis(name, WARNING, found, fix, details)
    oldest = oldest_tensorrt(gpu.compute_capability) if gpu else ()
    if module.name == "tensorrt" and module.numbers[: len(oldest)] < oldest:
        wanted = ".".join(str(number) for number in oldest)
        fix = "{} needs TensorRT {} or newer".format(gpu.model if gpu else "", wanted)
        return Diagnosis(name, WARNING, found, fix, details)
    return Diagnosis(name, OK, found, "", details)
