"""The doctor's lines about a bundle: its model, and the engines of it that are here."""

from typing import List

from .bundle_choice import built_engines, installed_flavours
from .bundle_file import FP32, Bundle
from .diagnosis import MISSING, OK, WARNING, Diagnosis
from .engine_cache import cache_folder
from .engine_file import fits
from .gpu_identity import find_gpu
from .machine import Machine
from .python_modules import probe


def diagnose_bundle(bundle: Bundle) -> List[Diagnosis]:
    """Return a line about the model and one about its engines."""
    return [_model(bundle), _engine(bundle)]


def _model(bundle: Bundle) -> Diagnosis:
    spec, model = bundle.spec, bundle.models[FP32]
    height, width = spec.size_hw
    text = "{} of {}, {:.1f} MB, for {}; input {}x{} {}; {}; made by edgedet {}"
    found = text.format(
        model.file,
        bundle.path,
        model.bytes / 1e6,
        bundle.target or "any target",
        width,
        height,
        spec.input_dtype,
        _counted(len(spec.class_names)),
        bundle.edgedet,
    )
    details = {"target": bundle.target, "sha256": model.sha256, "edgedet": bundle.edgedet}
    return Diagnosis("Model", OK, found, "", details)


def _counted(classes: int) -> str:
    return "1 class" if classes == 1 else "{} classes".format(classes)


def _engine(bundle: Bundle) -> Diagnosis:
    if bundle.adaptation is not None:
        found = "none: a model that others trained runs in ONNX Runtime"
        return Diagnosis("Engine", OK, found, "")
    build = "{} build".format(bundle.command)
    built, flavours = built_engines(bundle), installed_flavours()
    if not built:
        found = "none in {}".format(cache_folder())
        return Diagnosis("Engine", MISSING, found, build if flavours else "")
    # In a process of its own, as everything that the doctor imports.
    versions = {name: probe(Machine(), name).version for name in flavours}
    gpu = find_gpu()
    here = [facts for _, facts in built if fits(facts, versions.get(facts.flavour, ""), gpu)]
    if not here:
        found = "only for {} on {}".format(built[0][1].title, built[0][1].device)
        return Diagnosis("Engine", WARNING, found, build)
    lines = ["{}, {} on {}".format(f.precision, f.title, f.device) for f in here]
    details = {"precisions": [facts.precision for facts in here]}
    return Diagnosis("Engine", OK, "\n".join(lines), "", details)
