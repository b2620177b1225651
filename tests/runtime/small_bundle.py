"""A bundle of a small model, made without the host's part: Python 3.6 makes it too."""

import json
import zipfile
from pathlib import Path

import edgedet
from edgedet import runtime
from edgedet.runtime.bundle_file import FP16, FP32, INT8, MANIFEST, Bundle, Model, manifest_text
from edgedet.runtime.checksum import sha256_of
from edgedet.runtime.onnx_facts import onnx_facts
from edgedet.runtime.spec import spec_from_json

GOLDEN = Path(__file__).parent.parent / "golden"
DETECTOR = GOLDEN / "tiny_detector.onnx"
CONVOLUTION = GOLDEN / "tiny_convolution.onnx"


def write_small_bundle(path, onnx=DETECTOR, half=None, target=None, version="0.1.0", int8=()):
    """half: an FP16 graph beside the FP32 one. int8: an INT8 graph, or None, and scales, or None.
    Return `path`."""
    quantised, scales = int8 or (None, None)
    given = {FP32: onnx, FP16: half, INT8: quantised}
    files = {name: file for name, file in given.items() if file is not None}
    models = {
        name: Model("model.{}.onnx".format(name), sha256_of(file), file.stat().st_size)
        for name, file in files.items()
    }
    text = onnx_facts(onnx)["spec_text"]
    about = None
    if scales is not None:
        about = Model(scales.name, sha256_of(scales), scales.stat().st_size)
    bundle = Bundle(path, version, target, models, spec_from_json(text), scales=about)
    with zipfile.ZipFile(str(path), "w") as archive:
        archive.writestr(MANIFEST, manifest_text(bundle, text))
        for name, file in files.items():
            archive.write(str(file), models[name].file)
        if scales is not None:
            archive.write(str(scales), scales.name)
        folder = Path(runtime.__file__).parent
        for file in folder.rglob("*.*"):
            if file.suffix != ".pyc":
                name = "edgedet/runtime/{}".format(file.relative_to(folder).as_posix())
                archive.write(str(file), name)
        archive.write(str(edgedet.__file__), "edgedet/__init__.py")
        archive.write(str(folder / "bundle_start.py"), "__main__.py")
    return path


def with_manifest(path, **changes):
    """Change what the manifest says."""
    with zipfile.ZipFile(str(path)) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    values = dict(json.loads(contents[MANIFEST].decode("utf-8")), **changes)
    contents[MANIFEST] = json.dumps(values).encode("utf-8")
    with zipfile.ZipFile(str(path), "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path
