"""The doctor: what this machine has for running and building models, and what to do about the rest.

Everything is looked up or asked in a process of its own; nothing is imported, installed or changed.
"""

import json
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from .board_diagnosis import diagnose_board
from .cuda_diagnosis import diagnose_bindings, diagnose_libraries, diagnose_memory_layer
from .diagnosis import OK, STATUSES, Diagnosis
from .environment import operating_system
from .gpu_diagnosis import diagnose_gpu, find_gpus
from .machine import Machine
from .python_modules import probe
from .software_diagnosis import (
    diagnose_numpy,
    diagnose_onnxruntime,
    diagnose_opencv,
    diagnose_python,
    site_packages,
)

SCHEMA_VERSION = 1
BINDING_MODULES = ("tensorrt", "tensorrt_rtx")
MEMORY_MODULES = ("pycuda", "cuda.bindings")


def examine(root: str = "/", environ: Optional[Dict[str, str]] = None) -> List[Diagnosis]:
    """Return what was found, line by line.

    root: where the machine's files and programs are. environ: of the programs that are asked;
    default: ours.
    """
    machine = Machine(root, environ)
    gpus = find_gpus(machine)
    first = gpus[0] if gpus else None
    jetson = first is not None and first.is_jetson
    numpy = probe(machine, "numpy")
    bindings = [probe(machine, name) for name in BINDING_MODULES]
    libraries = diagnose_libraries(
        machine, first, bindings, site_packages([probe(machine, "sys"), numpy])
    )
    lines = [
        Diagnosis("System", OK, operating_system(str(machine.root))),
        diagnose_python(machine),
        diagnose_numpy(machine, numpy),
        diagnose_opencv(probe(machine, "cv2"), jetson),
        diagnose_onnxruntime(probe(machine, "onnxruntime")),
    ]
    lines += diagnose_gpu(machine, gpus) + libraries
    lines += diagnose_bindings(first, bindings, libraries)
    lines.append(diagnose_memory_layer([probe(machine, name) for name in MEMORY_MODULES]))
    return lines + diagnose_board(machine, jetson, _folder(machine))


def _folder(machine: Machine) -> str:
    """Where the space for outputs matters: the current folder of the real machine."""
    if not machine.is_here:
        return str(machine.root)
    try:
        return str(Path.cwd())
    except FileNotFoundError:  # removed meanwhile
        return "."


def doctor_text(lines: Sequence[Diagnosis]) -> str:
    """Return the report for people: a line each, and beneath it what to do."""
    width = max(len(line.name) for line in lines)
    status = max(len(name) for name in STATUSES)
    text = []
    for line in lines:
        first, *further = line.found.splitlines()
        text.append("{:<{}}  {:<{}}  {}".format(line.status, status, line.name, width, first))
        further += ["-> " + line.fix] if line.fix else []
        text += [" " * (status + width + 4) + words for words in further]
    return "\n".join(text)


def doctor_values(lines: Sequence[Diagnosis]) -> Dict[str, Any]:
    """Return the report as plain values for JSON."""
    counts = {name: sum(line.status == name for line in lines) for name in STATUSES}
    return {
        "schema_version": SCHEMA_VERSION,
        "counts": counts,
        "lines": [line.values() for line in lines],
    }


def doctor_json(lines: Sequence[Diagnosis]) -> str:
    """Return the report as one JSON object."""
    return json.dumps(doctor_values(lines), indent=2)
