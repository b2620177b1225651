"""A model and all that runs it as one file: a Python zip application for the device.

`python3 model.pyz doctor|build|bench|predict|camera`; see `runtime/bundle_main.py`. The same models
and the same edgedet give the same bytes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import edgedet
import edgedet.runtime
from edgedet.export.bare_source import bare_source
from edgedet.runtime.adapters.adapted_backend import AdaptedBackend
from edgedet.runtime.adapters.spec_place import spec_file_of
from edgedet.runtime.atomic import atomic_path
from edgedet.runtime.bundle_file import FP16, FP32, MANIFEST, Bundle, Model, manifest_text
from edgedet.runtime.checksum import sha256_of
from edgedet.runtime.errors import ModelError, UsageError
from edgedet.runtime.onnx_facts import onnx_facts, weight_files
from edgedet.runtime.spec import spec_from_json, spec_to_json

SUFFIX = ".pyz"
SHEBANG = b"#!/usr/bin/env python3\n"
START = "bundle_start.py"
"""Becomes the zip's `__main__.py`."""
FILES = {FP32: "model.onnx", FP16: "model.fp16.onnx"}
"""Names in the zip."""
DATE = (1980, 1, 1, 0, 0, 0)
"""The first that a zip can hold: no date of today changes the bytes."""
MODE = 0o644 << 16
EXECUTABLE = 0o111
SHIPPED = (".py", ".json", ".html", ".css", ".js")
"""Of the runtime; folders in it are packages of its own."""
ADAPTERS = "/runtime/adapters/"
ALWAYS = ("__init__.py", "spec_place.py")
"""What of the adapters is imported with a model of ours as well."""


@dataclass(frozen=True)
class BundleSize:
    """What a bundle weighs."""

    bytes: int
    runtime_bytes: int
    """Of everything but the models, as it lies in the bundle."""
    runtime_files: int


def check_bundle_name(path: Path) -> None:
    """Raise UsageError for a name that does not end in `.pyz`."""
    if path.suffix.lower() != SUFFIX:
        raise UsageError(f"--bundle that ends with {SUFFIX}", str(path), "add the ending")


def write_bundle(
    path: Path, onnx: Path, half: Path | None = None, target: str | None = None
) -> BundleSize:
    """Write the bundle of an ONNX file that `edgedet export` wrote; nothing of it is run here. One
    that others trained goes with its spec file, and is run once.

    half: the same graph in FP16, for TensorRT that takes the precision from the graph. target: what
    the graph was checked for, to be told on the device.

    Raises ModelError for a file without a spec, UsageError for a place that cannot be written or
    does not end in `.pyz`.
    """
    check_bundle_name(path)
    models = {FP32: onnx} if half is None else {FP32: onnx, FP16: half}
    text, adaptation = _contract(onnx)
    manifest = _manifest(models, target, text, adaptation)
    contents = {**_runtime(foreign=adaptation is not None), MANIFEST: manifest}
    with atomic_path(path) as temporary:
        _write(temporary, contents, models)
        temporary.chmod(temporary.stat().st_mode | EXECUTABLE)
        return _size(temporary)


def _runtime(foreign: bool) -> dict[str, bytes]:
    """What the device runs, by its name in the zip: adapters for a foreign model only."""
    package, runtime = (Path(module.__file__ or "") for module in (edgedet, edgedet.runtime))
    contents = {"edgedet/__init__.py": package.read_bytes()}
    folder = runtime.parent
    for file in (each for suffix in SHIPPED for each in folder.rglob(f"*{suffix}")):
        contents[f"edgedet/runtime/{file.relative_to(folder).as_posix()}"] = _shipped(file)
    if not foreign:
        spared = [n for n in contents if ADAPTERS in n and not n.endswith(ALWAYS)]
        contents = {name: text for name, text in contents.items() if name not in spared}
    contents["__main__.py"] = contents[f"edgedet/runtime/{START}"]
    return contents


def _shipped(file: Path) -> bytes:
    if file.suffix != ".py":
        return file.read_bytes()
    return bare_source(file.read_text(encoding="utf-8")).encode()


def _manifest(
    models: Mapping[str, Path], target: str | None, text: str, adaptation: str | None
) -> bytes:
    for onnx in models.values():
        _require_whole(onnx)
    about = {
        name: Model(FILES[name], sha256_of(file), file.stat().st_size)
        for name, file in models.items()
    }
    bundle = Bundle(Path(), edgedet.__version__, target, about, spec_from_json(text), adaptation)
    return manifest_text(bundle, text).encode()


def _contract(onnx: Path) -> tuple[str, str | None]:
    """The spec, and the spec file of a model that others trained."""
    text = onnx_facts(onnx)["spec_text"]
    if text is not None:
        return str(text), None
    if not spec_file_of(onnx).is_file():
        fix = f"give a model that `edgedet export` wrote, or run: edgedet info {onnx} --adapt"
        raise ModelError(f"the spec of a model in {onnx}", "none", fix)
    with AdaptedBackend(onnx) as backend:
        return spec_to_json(backend.spec), backend.adaptation.text()


def _require_whole(onnx: Path) -> None:
    beside = weight_files(onnx)
    if beside:
        found = f"some of {onnx} in {', '.join(sorted(beside))}"
        raise ModelError("weights inside the ONNX file", found, "save it as one file")


def _write(path: Path, contents: Mapping[str, bytes], models: Mapping[str, Path]) -> None:
    with path.open("wb") as stream:
        stream.write(SHEBANG)
        with zipfile.ZipFile(stream, "w") as archive:
            for name in sorted(contents):
                entry = _entry(name, zipfile.ZIP_DEFLATED)
                archive.writestr(entry, contents[name], compresslevel=9)
            for name, file in sorted(models.items()):
                # Weights hardly shrink; as they are, the device reads them faster.
                archive.writestr(_entry(FILES[name], zipfile.ZIP_STORED), file.read_bytes())


def _entry(name: str, compression: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, DATE)
    entry.compress_type = compression
    entry.create_system = 3  # Unix, whatever this is
    entry.external_attr = MODE
    return entry


def _size(path: Path) -> BundleSize:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    models = [entry.compress_size for entry in entries if entry.filename in FILES.values()]
    total = path.stat().st_size
    return BundleSize(total, total - sum(models), len(entries) - len(models))
