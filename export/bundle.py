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
from edgedet.runtime.bundle_file import FP16, FP32, INT8, MANIFEST, Bundle, Model, manifest_text
from edgedet.runtime.checksum import sha256_of
from edgedet.runtime.errors import ModelError, UsageError
from edgedet.runtime.int8_scales import load_scales, require_scales_of
from edgedet.runtime.onnx_facts import onnx_facts, weight_files
from edgedet.runtime.spec import spec_from_json, spec_to_json

SUFFIX = ".pyz"
SHEBANG = b"#!/usr/bin/env python3\n"
START = "bundle_start.py"
"""Becomes the zip's `__main__.py`."""
FILES = {FP32: "model.onnx", FP16: "model.fp16.onnx", INT8: "model.int8.onnx"}
SCALES = "scales.json"
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
    """Of everything but the models and scales, as it lies in the bundle."""
    runtime_files: int


def check_bundle_name(path: Path) -> None:
    """Raise UsageError for a name that does not end in `.pyz`."""
    if path.suffix.lower() != SUFFIX:
        raise UsageError(f"--bundle that ends with {SUFFIX}", str(path), "add the ending")


def write_bundle(
    path: Path,
    onnx: Path,
    half: Path | None = None,
    target: str | None = None,
    *,
    scales: Path | None = None,
    quantised: Path | None = None,
) -> BundleSize:
    """Write the bundle of an ONNX file that `edgedet export` wrote; nothing of it is run here. One
    that others trained goes with its spec file, and is run once.

    half, quantised: the same graph in FP16, and in INT8 in the form of TensorRT, for TensorRT that
    takes the precision from the graph. scales: scales.json of `onnx`, for TensorRT 8.2 to 10, which
    makes INT8 of it. target: what the graph was checked for, to be told on the device.

    Raises ModelError for a file without a spec or without scales, UsageError for scales of another
    model, for a place that cannot be written and for one that does not end in `.pyz`.
    """
    check_bundle_name(path)
    given = {FP32: onnx, FP16: half, INT8: quantised}
    models = {name: file for name, file in given.items() if file is not None}
    if scales is not None:
        require_scales_of(load_scales(scales), scales, onnx, sha256_of(onnx))
    text, adaptation = _contract(onnx)
    chosen = None if scales is None else _described(SCALES, scales)
    about = _described_all(models)
    bundle = Bundle(
        Path(), edgedet.__version__, target, about, spec_from_json(text), adaptation, chosen
    )
    manifest = manifest_text(bundle, text).encode()
    contents = {**_runtime(foreign=adaptation is not None), MANIFEST: manifest}
    if scales is not None:
        contents[SCALES] = scales.read_bytes()
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


def _described_all(models: Mapping[str, Path]) -> dict[str, Model]:
    for onnx in models.values():
        _require_whole(onnx)
    return {name: _described(FILES[name], file) for name, file in models.items()}


def _described(name: str, file: Path) -> Model:
    return Model(name, sha256_of(file), file.stat().st_size)


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
    data = {*FILES.values(), SCALES}
    models = [entry.compress_size for entry in entries if entry.filename in data]
    total = path.stat().st_size
    return BundleSize(total, total - sum(models), len(entries) - len(models))
