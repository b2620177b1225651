"""Imports point one way: edgedet -> export -> calibration -> runtime -> numpy."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

RANKS = {"runtime": 0, "calibration": 1, "export": 2}
HOST = 3
# What a folder may import besides numpy, typing and the standard library, lazily or not.
DEVICE_SOFTWARE = {"cv2", "onnxruntime", "tensorrt", "tensorrt_rtx", "pycuda", "cuda"}
DEVICE_SOFTWARE |= {"paho"}  # pure Python, for who wants events by MQTT
ALLOWED = {
    "runtime": DEVICE_SOFTWARE,
    "calibration": {"onnx", "onnxruntime"},
    "export": {"onnx", "onnxruntime", "google"},  # google.protobuf: what onnx files are made of
}
TORCH_FILE = "edgedet.export.from_torch"


def modules(package_tree: Path) -> dict[str, ast.Module]:
    """Dotted name -> syntax tree of every module of the package."""
    found = {}
    for file in sorted(package_tree.rglob("*.py")):
        parts = list(file.relative_to(package_tree).with_suffix("").parts)
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(file.read_text())
    return found


def imported_by(name: str, tree: ast.Module, is_package: bool) -> set[str]:
    """Every module a file names: at the top, inside functions, or by ``require("...")``."""
    base = name.split(".") if is_package else name.split(".")[:-1]
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = base[: len(base) - node.level + 1] if node.level else []
            source = ".".join([*parent, *([node.module] if node.module else [])])
            found.update(f"{source}.{alias.name}" for alias in node.names)
        elif is_lazy(node):
            found.add(node.args[0].value)
    return found


def is_lazy(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not node.args:
        return False
    called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
    called = called.id if isinstance(called, ast.Name) else called
    first = node.args[0]
    text = isinstance(first, ast.Constant) and isinstance(first.value, str)
    return called in ("require", "import_module", "__import__") and text


def folder_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if parts[0] == "edgedet" and len(parts) > 1 else ""


@pytest.fixture(scope="module")
def imports(package_tree: Path) -> dict[str, set[str]]:
    packages = {
        ".".join(f.parent.relative_to(package_tree).parts)
        for f in package_tree.rglob("__init__.py")
    }
    trees = modules(package_tree)
    return {name: imported_by(name, tree, name in packages) for name, tree in trees.items()}


def test_no_module_imports_a_folder_above_its_own(imports: dict[str, set[str]]) -> None:
    wrong = [
        f"{module} imports {target}"
        for module, targets in imports.items()
        for target in targets
        if target.startswith("edgedet.")
        and RANKS.get(folder_of(target), HOST) > RANKS.get(folder_of(module), HOST)
        and target != "edgedet.__version__"
    ]
    assert not wrong


@pytest.mark.parametrize("folder", ALLOWED)
def test_a_folder_imports_only_what_its_machine_has(
    imports: dict[str, set[str]], folder: str
) -> None:
    standard = sys.stdlib_module_names | {"numpy", "edgedet", "typing_extensions"}
    wrong = []
    for module, targets in imports.items():
        allowed = ALLOWED[folder] | ({"torch"} if module == TORCH_FILE else set())
        roots = {target.split(".")[0] for target in targets} - standard - allowed
        if folder_of(module) == folder and roots:
            wrong.append(f"{module} imports {sorted(roots)}")
    assert not wrong


def test_imports_inside_the_shipped_folder_are_relative(package_tree: Path) -> None:
    """So that runtime/ can be copied to a device alone."""
    wrong = [
        file.name
        for file in (package_tree / "edgedet" / "runtime").glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and not node.level and node.module
        if node.module.split(".")[0] == "edgedet"
    ]
    assert not wrong


def test_the_contracts_of_import_linter_hold(package_tree: Path, repo: Path) -> None:
    pytest.importorskip("importlinter")
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as run; run()",
    ]
    ran = subprocess.run(
        [*command, "--config", str(repo / "pyproject.toml"), "--no-cache"],
        cwd=package_tree,
        env={**os.environ, "PYTHONPATH": str(package_tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Contracts: 3 kept, 0 broken." in ran.stdout
