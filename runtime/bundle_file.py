"""What a bundle holds, and its models as files.

A bundle is a Python zip application: this package, the ONNX files, the scales of INT8, and
`MANIFEST`, which says what they are.
"""

import json
import shlex
import zipfile
import zlib
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional

from .adapters.spec_place import spec_file_of
from .atomic import atomic_path
from .checksum import sha256_of, sha256_of_bytes
from .engine_cache import FOLDER_VARIABLE, cache_folder
from .errors import EdgedetError, ModelError, UsageError
from .spec import ModelSpec, spec_from_json

MANIFEST = "bundle.json"
MODELS = "models"
"""Folder in the cache: SHA-256, then name."""
SCHEMA_VERSION = 2
FP32, FP16, INT8 = "float32", "float16", "int8"
"""Keys of the models in the manifest."""

_UNREADABLE = (OSError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What reading a damaged zip raises; RuntimeError: it calls itself encrypted."""
_CALIBRATE = "export it with --int8 --data DATA, or build with --precision fp16"
_FIX = "make the bundle again with `edgedet export MODEL --bundle model.pyz`"


class Model(NamedTuple):
    """One ONNX file of the bundle, or its scales."""

    file: str
    """Its name in the zip."""
    sha256: str
    bytes: int


class Bundle(NamedTuple):
    """One bundle on disk."""

    path: Path
    edgedet: str
    """Version that made it."""
    target: Optional[str]
    """What the graph was checked for; None: for nothing in particular."""
    models: Dict[str, Model]
    """By `FP32`, which is always there, and `FP16` and `INT8`, for TensorRT that takes precision
    from the graph.
    """
    spec: ModelSpec
    adaptation: Optional[str] = None
    """The spec file of a model that others trained; None for one of ours."""
    scales: Optional[Model] = None
    """Of INT8, for TensorRT that quantises the FP32 model by itself."""

    @property
    def command(self) -> str:
        """What starts it, to be typed."""
        return "python3 {}".format(shlex.quote(str(self.path)))

    def model_file(self, precision: str = FP32) -> Path:
        """Return the ONNX file of a precision on disk, taken out of the bundle unless it was
        before. ModelError when the bundle has none or a damaged one, UsageError when the cache
        cannot be written.
        """
        return self._on_disk(self._model(precision))

    def scales_file(self) -> Path:
        """Return scales.json on disk, as `model_file` does."""
        if self.scales is None:
            raise ModelError("scales of INT8", "none in {}".format(self.path), _CALIBRATE)
        return self._on_disk(self.scales)

    def _on_disk(self, model: Model) -> Path:
        place = cache_folder() / MODELS / self._folder(model) / model.file
        try:
            if not (place.is_file() and sha256_of(place) == model.sha256):
                content = self._content(model)
                with atomic_path(place) as temporary:
                    temporary.write_bytes(content)
            if self.adaptation is not None:
                _keep(spec_file_of(place), self.adaptation.encode("utf-8"))
        except (UsageError, OSError) as error:
            found = error.found if isinstance(error, UsageError) else str(error)
            fix = "name one in the environment variable " + FOLDER_VARIABLE
            raise UsageError("a cache folder that can be written", found, fix) from error
        return place

    def _folder(self, model: Model) -> str:
        """Bundles of one foreign model that use it differently do not share it."""
        if self.adaptation is None:
            return model.sha256
        return sha256_of_bytes((model.sha256 + self.adaptation).encode("utf-8"))

    def _model(self, precision: str) -> Model:
        if precision not in self.models:
            found = "only {} in {}".format(", ".join(sorted(self.models)), self.path)
            fix = "export it with --target rtx or trt11, or build with --precision fp32"
            if precision == INT8:
                fix = _CALIBRATE
            raise ModelError("a model in {}".format(precision), found, fix)
        return self.models[precision]

    def _content(self, model: Model) -> bytes:
        try:
            with zipfile.ZipFile(str(self.path)) as archive:
                content = archive.read(model.file)
        except _UNREADABLE as error:
            raise _damaged(self.path, str(error)) from error
        if sha256_of_bytes(content) != model.sha256:
            raise _damaged(self.path, "another {} than it was made with".format(model.file))
        return content


def open_bundle(path: Path) -> Bundle:
    """Return what the bundle at ``path`` says of itself; ModelError when it is damaged."""
    try:
        with zipfile.ZipFile(str(path)) as archive:
            values = json.loads(archive.read(MANIFEST).decode("utf-8"))
    except _UNREADABLE as error:
        raise _damaged(path, str(error)) from error
    try:
        return _bundle_of(path, values)
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, "a {} that lacks {}".format(MANIFEST, error)) from error


def manifest_text(bundle: Bundle, spec_text: str) -> str:
    """Return the manifest of a bundle; spec_text: the JSON of its spec, as the model has it."""
    values = {
        "schema_version": SCHEMA_VERSION,
        "edgedet": bundle.edgedet,
        "target": bundle.target,
        "models": {name: dict(model._asdict()) for name, model in bundle.models.items()},
        "spec": json.loads(spec_text),
        "scales": None if bundle.scales is None else dict(bundle.scales._asdict()),
    }
    if bundle.adaptation is not None:
        values["adaptation"] = bundle.adaptation
    return json.dumps(values, indent=2, sort_keys=True) + "\n"


def _bundle_of(path: Path, values: Dict[str, Any]) -> Bundle:
    if values["schema_version"] != SCHEMA_VERSION:
        expected = "a bundle of schema version {}".format(SCHEMA_VERSION)
        raise ModelError(expected, "{!r} in {}".format(values["schema_version"], path), _FIX)
    models = {name: Model(**fields) for name, fields in values["models"].items()}
    spec = spec_from_json(json.dumps(values["spec"]))
    adaptation = values.get("adaptation")
    if not isinstance(adaptation, (str, type(None))):
        raise TypeError("an adaptation in text")
    scales = None if values["scales"] is None else Model(**values["scales"])
    return Bundle(path, values["edgedet"], values["target"], models, spec, adaptation, scales)


def _keep(place: Path, content: bytes) -> None:
    """Write the file unless it holds that already."""
    if place.is_file() and place.read_bytes() == content:
        return
    with atomic_path(place) as temporary:
        temporary.write_bytes(content)


def _damaged(path: Path, found: str) -> EdgedetError:
    return ModelError("a whole bundle in {}".format(path), found, _FIX)
