"""How one foreign model is used: its family, its spec, and what of that was assumed."""

import json
from typing import TYPE_CHECKING, Any, Dict, NamedTuple, Optional, Tuple

from ..errors import ModelError
from ..spec import ModelSpec
from .class_names import ClassNames, assumed_classes, count_of, named_classes, names_in
from .families import FAMILIES
from .family import Decode, Evidence, Found
from .input_form import InputForm
from .spec_file import CANDIDATES, FIELDS, SCHEMA_VERSION, UserSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

TASK_KEY = "task"
"""Where Ultralytics' exports say what they are for."""
COCO_CLASSES = 80


class Adaptation(NamedTuple):
    """All that there is to say of a foreign model."""

    family: str
    form: InputForm
    spec: ModelSpec
    classes: ClassNames
    found: Found
    candidates: int
    assumed: Tuple[str, ...]
    """For people, one fact each; empty when the spec file says everything."""

    def decoder(self) -> Decode:
        """What makes at most `candidates` candidates of the outputs."""
        decoder = FAMILIES[self.family].decoder
        return decoder(self.found, self.form.size_hw, self.candidates)

    def text(self) -> str:
        """The spec file that says all of it."""
        given = self.classes.given
        values: Dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "family": self.family,
            "class_names": given if isinstance(given, str) else list(given),
            "candidates": self.candidates,
            "outputs": self.found.outputs,
        }
        values.update((field, getattr(self.spec, field)) for field in FIELDS)
        values.update(self.found.options)
        lines = ("  {}: {}".format(json.dumps(key), _json(values[key])) for key in values)
        return "{{\n{}\n}}\n".format(",\n".join(lines))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def recognise(
    form: InputForm,
    outputs: "Dict[str, NDArray[Any]]",
    metadata: Dict[str, str],
    given: UserSpec,
    file: str,
) -> Adaptation:
    """How a model is used that gave these ``outputs``, by name, for one picture.

    ``form``: of its input. ``metadata``: text by key in its file. ``given``: what its spec file,
    called ``file`` in messages, says: that holds, and only the rest is recognised.

    Raises ModelError that names the shapes and the known families when none of them fits, or
    several do: nothing is guessed in silence.
    """
    task = metadata.get(TASK_KEY, "detect")
    if task != "detect":
        raise ModelError("a detector", "a model for {!r}".format(task), "export a detector")
    names = given.class_names or names_in(metadata)
    _check_roles(given.roles, outputs, file)
    count = None if names is None else count_of(names)
    evidence = Evidence(form.size_hw, outputs, count, given.options, given.roles)
    family, found, told = _one_family(evidence, given.family, file)
    classes = _classes(names, found, file)
    spec = _spec(form, family, found, classes, given)
    assumed = (form.assumed, told) + _assumptions(given, spec, classes, found)
    return Adaptation(
        family,
        form,
        spec,
        classes,
        found,
        given.candidates or CANDIDATES,
        tuple(each for each in assumed if each),
    )


def _check_roles(roles: Dict[str, str], outputs: Dict[str, Any], file: str) -> None:
    for name in roles.values():
        if name not in outputs:
            expected = "outputs out of {} in {}".format(", ".join(outputs), file)
            raise ModelError(expected, repr(name), "name one of them")


def _one_family(evidence: Evidence, name: Optional[str], file: str) -> Tuple[str, Found, str]:
    """The family that fits, how, and what was assumed in choosing it."""
    tried = FAMILIES if name is None else {name: FAMILIES[name]}
    fitting = {key: family.recognise(evidence) for key, family in tried.items()}
    found = {key: value for key, value in fitting.items() if value is not None}
    if not found:
        raise _none_fits(evidence, tried, file)
    if len(found) == 1:
        key, value = found.popitem()
        return key, value, ""
    # The same numbers may be objectness and 80 classes, or 81 classes without.
    common = [key for key, value in found.items() if value.classes == COCO_CLASSES]
    if len(common) != 1:
        forms = " or ".join("{} of {} classes".format(k, v.classes) for k, v in found.items())
        fix = 'write {{"schema_version": 1, "family": "{}"}} to {}'.format(min(found), file)
        raise ModelError("outputs of one family", "{}: {}".format(_shapes(evidence), forms), fix)
    told = "{}, because then its classes are COCO's {}".format(common[0], COCO_CLASSES)
    return common[0], found[common[0]], told


def _none_fits(evidence: Evidence, tried: Dict[str, Any], file: str) -> ModelError:
    forms = "; ".join("{}: {}".format(name, family.form) for name, family in tried.items())
    classes = "" if evidence.classes is None else " and {} classes".format(evidence.classes)
    found = "{} for an input of {} x {} (HxW){}".format(
        _shapes(evidence), evidence.size_hw[0], evidence.size_hw[1], classes
    )
    fix = "say more in {}: docs/foreign_models.md lists the keys".format(file)
    return ModelError("outputs of a known family ({})".format(forms), found, fix)


def _shapes(evidence: Evidence) -> str:
    shapes = evidence.outputs.items()
    return ", ".join("{} {} {}".format(n, v.dtype, list(v.shape)) for n, v in shapes)


def _classes(names: Any, found: Found, file: str) -> ClassNames:
    if names is not None:
        return named_classes(names)
    if found.classes is None:
        fix = (
            'write {{"schema_version": 1, "class_names": ["first", "second"]}} to {}; "coco91" '
            "stands for those of TorchVision's own weights".format(file)
        )
        raise ModelError("names of its classes", "outputs that do not even count them", fix)
    return assumed_classes(found.classes)


def _spec(
    form: InputForm,
    family: str,
    found: Found,
    classes: ClassNames,
    given: UserSpec,
) -> ModelSpec:
    values = dict(FAMILIES[family].preprocessing)
    values.update(found.preprocessing)
    values.update(given.fields)
    values.update(size_hw=form.size_hw, input_dtype=form.dtype, input_layout=form.layout)
    return ModelSpec(class_names=classes.names, provenance={"adapter": family}, **values)


def _assumptions(
    given: UserSpec, spec: ModelSpec, classes: ClassNames, found: Found
) -> Tuple[str, ...]:
    """What neither the file nor the graph says."""
    told = list(found.assumed) if set(found.options) - set(given.options) else []
    told += [classes.assumed]
    if spec.input_dtype == "float32" and {"color", "mean", "std"} - set(given.fields):
        mean, std = (["{:.4g}".format(each) for each in v] for v in (spec.mean, spec.std))
        values = "{} with mean {} and std {} of pixel/255"
        told += [values.format(spec.color, "/".join(mean), "/".join(std))]
    elif spec.input_dtype != "float32" and "color" not in given.fields:
        told += [spec.color]
    if "resize" not in given.fields:
        told += ["resize by {}".format(spec.resize)]
    return tuple(told)
