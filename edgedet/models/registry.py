"""The detectors by name."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, cast

from torch import nn

from edgedet.models.multiscale_shapes import ShapesOptions, multiscale_shapes
from edgedet.models.protocol import DetectionModel
from edgedet.models.ssd_detector import ssd_detector
from edgedet.models.ssd_options import CODE_PRESET, SsdOptions
from edgedet.models.torchvision_faster_rcnn import faster_rcnn_r50_fpn, faster_rcnn_r101_fpn
from edgedet.models.torchvision_options import ResnetFpnOptions, SsdliteOptions
from edgedet.models.torchvision_retinanet import retinanet_r50_fpn
from edgedet.models.torchvision_ssdlite import ssdlite_mobilenetv3
from edgedet.nearest import unknown_name
from edgedet.runtime.errors import UsageError

Build = Callable[[tuple[str, ...], Any], nn.Module]


@dataclass(frozen=True)
class Entry:
    """A detector: its settings, and how it is built from them."""

    options: type[Any]
    """Frozen dataclass whose fields are the `model_options` of a recipe."""
    build: Build
    """(class_names, options) -> an nn.Module that fulfils `DetectionModel`."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Options in which this name departs from the dataclass."""
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Named sets of options; an option given beside a preset wins."""


MODELS: dict[str, Entry] = {
    "multiscale_shapes": Entry(ShapesOptions, multiscale_shapes),
    "ssd_mobilenetv2": Entry(SsdOptions, ssd_detector, defaults={"taps": "original"}),
    "scale_aware_ssd": Entry(SsdOptions, ssd_detector, presets={"code": CODE_PRESET}),
    "faster_rcnn_r50_fpn": Entry(ResnetFpnOptions, faster_rcnn_r50_fpn),
    "faster_rcnn_r101_fpn": Entry(ResnetFpnOptions, faster_rcnn_r101_fpn),
    "retinanet_r50_fpn": Entry(ResnetFpnOptions, retinanet_r50_fpn),
    "ssdlite_mobilenetv3": Entry(SsdliteOptions, ssdlite_mobilenetv3),
}


def model_entry(name: str) -> Entry:
    """Return the entry of that name, or raise UsageError with the nearest one."""
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    return MODELS[name]


def _as_tuples(value: Any) -> Any:
    return tuple(_as_tuples(item) for item in value) if isinstance(value, list) else value


def resolve_options(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option of the model `name`: defaults, then the preset, then what is given.

    Raises UsageError for an unknown model, preset or option, and for a value that cannot be.
    """
    entry = model_entry(name)
    chosen = dict(given)
    preset = chosen.pop("preset", None)
    if preset is not None and str(preset) not in entry.presets:
        raise unknown_name(f"preset of {name}", str(preset), entry.presets or ("none at all",))
    known = [f.name for f in fields(entry.options)]
    for key in chosen:
        if key not in known:
            raise unknown_name(f"option of {name}", key, known)
    settings = {**entry.defaults, **(entry.presets[preset] if preset else {}), **chosen}
    return asdict(entry.options(**{k: _as_tuples(v) for k, v in settings.items()}))


def build_model(
    name: str, class_names: tuple[str, ...], options: Mapping[str, Any]
) -> DetectionModel:
    """Build the detector `name` for those foreground classes.

    Raises UsageError when a name or option is unknown, or a value does not fit.
    """
    if not class_names:
        raise UsageError("at least one class", "none", "label some objects")
    entry = model_entry(name)
    settings = entry.options(**resolve_options(name, options))
    model = cast(DetectionModel, entry.build(tuple(class_names), settings))
    model.spec = model.spec._replace(provenance={"builder": name})
    return model
