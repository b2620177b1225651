"""A module costs what it needs: heavy packages load when something is run, not when imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgedet.cli import VERBS

# What a device, or a host with the base install only, may not have.
ABSENT = (
    "cv2",
    "lightning",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "pycuda",
    "pycocotools",
    "tensorboard",
    "tensorrt",
    "tensorrt_rtx",
    "torch",
    "torchvision",
)
# Folders and modules that have to import without any of it.
LIGHT = (
    "edgedet.calibration",
    "edgedet.cli",
    "edgedet.export",
    "edgedet.progress",
    "edgedet.recipe",
    "edgedet.rundir",
    "edgedet.runtime",
    "edgedet.verbs",
)
IMPORT_ALL_WITHOUT = """
import importlib, json, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in absent:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)

absent, names = json.loads(sys.argv[1]), json.loads(sys.argv[2])
sys.meta_path.insert(0, Absent())
failures = {}
for name in names:
    for loaded in [m for m in sys.modules if m.split(".")[0] == "edgedet"]:
        del sys.modules[loaded]
    try:
        importlib.import_module(name)
    except Exception as error:
        failures[name] = repr(error)
print(json.dumps(failures))
"""


def python(package_tree: Path, *arguments: str) -> str:
    """What a fresh interpreter prints, with the package as it is installed."""
    ran = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(package_tree)},
        cwd=package_tree,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def module_names(package_tree: Path) -> list[str]:
    files = (file.relative_to(package_tree) for file in sorted(package_tree.rglob("*.py")))
    names = (".".join(file.with_suffix("").parts) for file in files)
    return [name.removesuffix(".__init__") for name in names]


@pytest.mark.parametrize("light", LIGHT)
def test_every_light_module_imports_in_a_bare_environment(package_tree: Path, light: str) -> None:
    names = [n for n in module_names(package_tree) if n == light or n.startswith(light + ".")]
    names = [n for n in names if not n.endswith("__main__")]
    if light == "edgedet.export":
        names.remove("edgedet.export.from_torch")  # the one file that is about torch
    assert names
    blocked, wanted = json.dumps(ABSENT), json.dumps(names)
    failures = json.loads(python(package_tree, "-c", IMPORT_ALL_WITHOUT, blocked, wanted))
    assert failures == {}


def test_importing_edgedet_imports_nothing(package_tree: Path) -> None:
    """It is shipped to the device, beside runtime/."""
    source = "import sys; old = set(sys.modules); import edgedet; print(set(sys.modules) - old)"
    assert python(package_tree, "-c", source).strip() == "{'edgedet'}"


@pytest.mark.parametrize("words", [[], *([verb] for verb in VERBS)], ids=lambda w: " ".join(w))
def test_help_imports_nothing_heavy(package_tree: Path, words: list[str]) -> None:
    source = f"""
import sys
from edgedet.cli import main
assert main({[*words, "--help"]!r}) == 0
print("loaded:", *sorted(set(m.split(".")[0] for m in sys.modules)))
"""
    printed = python(package_tree, "-c", source).splitlines()
    loaded = set(printed[-1].split())
    assert loaded & {*ABSENT, "numpy", "yaml"} == set()
    assert "Usage: edgedet" in "\n".join(printed)


def test_help_takes_at_most_half_more_than_typer_itself(package_tree: Path) -> None:
    """Interleaved, and the fastest of each: what else the machine does is not ours."""
    commands = {
        "typer": ["-c", "import typer, rich"],
        "help": ["-m", "edgedet", "--help"],
    }
    fastest = dict.fromkeys(commands, float("inf"))
    for _ in range(15):
        for name, arguments in commands.items():
            started = time.perf_counter()
            python(package_tree, *arguments)
            fastest[name] = min(fastest[name], time.perf_counter() - started)
    assert fastest["help"] <= 1.5 * fastest["typer"], fastest
