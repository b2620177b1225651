"""Everything that a run of cameras can be told, from flags and from a file."""

import re
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Tuple, Union

from ..errors import UsageError
from ..json_file import read_json
from ..nearest import unknown_name
from .source_uri import redacted

_GRID = re.compile(r"^([1-9]\d?)x([1-9]\d?)$")


class CameraSettings(NamedTuple):
    """One run. Names of the file are these names; a flag of the command line wins over the file."""

    source: Tuple[str, ...] = ("0",)
    """What to look at: one or several cameras, streams or files."""
    name: Tuple[str, ...] = ()
    """Of each camera, for pages, files and metrics; empty: camera1, camera2 ..."""
    size: Optional[str] = None
    """Of the frames to ask a camera for, as `1280x720`."""
    fps: Optional[float] = None
    """Frames a second to ask a camera for."""
    loop: bool = False
    """Files begin again at their end."""
    fast: bool = False
    """Files are looked at as fast as it goes, every frame; else at their own pace."""
    frames: Optional[int] = None
    """End after so many, of all cameras together."""
    conf: Optional[float] = None
    """Least score, 0..1; None: the model's."""
    iou: Optional[float] = None
    """Overlap above which the weaker box of a class goes, 0..1; None: the model's."""
    threads: Optional[int] = None
    """Of ONNX Runtime; None: one a physical core."""
    track: bool = False
    """Follow objects from frame to frame."""
    smooth: float = 0.0
    """Half-life in seconds of scores, over the frames of a track; 0: as they are."""
    zones: Optional[str] = None
    """JSON file of lines and polygons; objects are tracked, and counted there."""
    tiles: Optional[str] = None
    """Look at parts of the frame for small objects, as `2x2`: columns and rows."""
    overlap: float = 0.2
    """Of neighbouring tiles, as a share of their side, below 1."""
    show: bool = False
    """In a window; q ends the run."""
    serve: bool = False
    """As a web page."""
    listen: str = "127.0.0.1:8080"
    """Address and port of the web page. Others than this machine need the token."""
    token: Optional[str] = None
    """That the web page asks for; None: a new one is made up when one is needed."""
    json: Union[bool, str] = False
    """A line of JSON for each frame: true for stdout, or the name of a file."""
    record: Optional[str] = None
    """Folder of recordings, with what was found drawn in."""
    segment_s: float = 300.0
    """Length of one file of a recording."""
    budget_mb: float = 2000.0
    """Of a recording: the oldest files go beyond it."""
    on: Tuple[str, ...] = ()
    """Classes whose appearance is an event."""
    webhook: Optional[str] = None
    """URL that events are posted to."""
    mqtt: Optional[str] = None
    """Broker and topic of events, as mqtt://host/topic."""
    snapshots: Optional[str] = None
    """Folder for a picture of each event."""
    log: str = "text"
    """How messages are written to stderr: text, or json for machines."""


class _Kind(NamedTuple):
    """What a value may be."""

    expected: str
    fits: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value


_YES_OR_NO = _Kind("true or false", lambda value: isinstance(value, bool))
_TEXT = _Kind("a text", lambda value: isinstance(value, str) and value != "")
_WHERE = _Kind("true, false or a file", lambda value: isinstance(value, (bool, str)))
_COUNT = _Kind(
    "a whole number of at least 1",
    lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 1,
)
_FRACTION = _Kind("a number in 0..1", lambda value: _is_number(value) and 0 <= value <= 1)
_SHARE = _Kind("a number of at least 0, below 1", lambda v: _is_number(v) and 0 <= v < 1)
_LENGTH = _Kind("a number above 0", lambda value: _is_number(value) and 0 < value < float("inf"))
_TIME = _Kind("a number of at least 0", lambda value: _is_number(value) and 0 <= value < 1e9)
_LOG = _Kind("text or json", lambda value: value in ("text", "json"))
_KINDS = dict(
    dict.fromkeys(("loop", "fast", "track", "show", "serve"), _YES_OR_NO),
    frames=_COUNT,
    threads=_COUNT,
    fps=_LENGTH,
    conf=_FRACTION,
    iou=_FRACTION,
    overlap=_SHARE,
    smooth=_TIME,
    segment_s=_LENGTH,
    budget_mb=_LENGTH,
    json=_WHERE,
    log=_LOG,
)
"""The rest is text."""
_LISTS = ("source", "name", "on")
_SECRETS = ("mqtt", "token", "webhook")
"""Their values are not shown."""


_NEEDS = {
    "smooth": ("zones", "track"),
    "overlap": ("tiles",),
    "listen": ("serve",),
    "token": ("serve",),
    "segment_s": ("record", "serve"),
    "budget_mb": ("record", "serve", "snapshots"),
    "webhook": ("on",),
    "mqtt": ("on",),
    "snapshots": ("on",),
}
"""Setting -> what it is a part of, each of them."""
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
"""Of a camera: it stands in names of files, in URLs and in metrics."""


def settings_from(values: Mapping[str, Any]) -> CameraSettings:
    """Return the settings with these values, the defaults for the rest.

    Raises UsageError for an unknown name, with the nearest known one, or a value that cannot be.
    """
    checked = {name: _checked(name, value) for name, value in values.items()}
    settings = CameraSettings(**checked)
    if settings.name and len(settings.name) != len(settings.source):
        expected = "a name for each of {} sources".format(len(settings.source))
        raise UsageError(expected, ", ".join(settings.name), "name all of them, or none")
    if len(set(settings.name)) != len(settings.name):
        raise UsageError("different names", ", ".join(settings.name), "change one")
    for name in settings.name:
        if not _NAME.match(name):
            expected = "names of letters, digits, - and _, 64 at most"
            raise UsageError(expected, repr(name), "change it")
    _require_partners(settings)
    return settings


def _require_partners(settings: CameraSettings) -> None:
    """Raise UsageError for a setting that would do nothing without another one."""
    given, defaults = settings._asdict(), CameraSettings()._asdict()
    for name, needed in _NEEDS.items():
        if given[name] != defaults[name] and not any(given[each] for each in needed):
            expected, found = "{} beside {}".format(" or ".join(needed), name), name + " alone"
            raise UsageError(expected, found, "give both, or neither")


def merged_settings(values: Mapping[str, Any], given: Mapping[str, Any]) -> CameraSettings:
    """Return the settings of a file's values, with what was given besides, which wins.

    given: paths may be `Path`. Raises UsageError, see `settings_from`.
    """
    merged = dict(values)
    for name, value in given.items():
        merged[name] = str(value) if isinstance(value, Path) else value
    return settings_from(merged)


def camera_names(settings: CameraSettings) -> Tuple[str, ...]:
    """Return a name for each camera: the user's, else `camera`, or of several `camera1` ..."""
    if settings.name:
        return settings.name
    if len(settings.source) == 1:
        return ("camera",)
    return tuple("camera{}".format(number) for number in range(1, len(settings.source) + 1))


def read_settings(path: Path) -> Dict[str, Any]:
    """Return the values of a JSON file of settings.

    Raises UsageError for a file that is not there or does not hold names with values.
    """
    values = read_json(path, "settings")
    if not isinstance(values, dict):
        found = type(values).__name__
        raise UsageError("names with values in {}".format(path), found, "write name: value")
    return values


def grid_of(text: str) -> Tuple[int, int]:
    """Return rows and columns of `3x2`, which names the columns first; UsageError else."""
    match = _GRID.match(text)
    if match is None:
        raise UsageError("tiles like 2x2", repr(text), "give columns and rows, at most 99 each")
    return int(match.group(2)), int(match.group(1))


def _checked(name: str, value: Any) -> Any:
    """Return the value in the form of its setting; UsageError when it has another one."""
    defaults = CameraSettings()._asdict()
    if name not in defaults:
        raise unknown_name("setting", name, defaults)
    if name in _LISTS:
        return _texts(name, value)
    if value is None and defaults[name] is None:
        return None
    kind = _KINDS.get(name, _TEXT)
    if not kind.fits(value):
        expected = "{} for {}".format(kind.expected, name)
        found = type(value).__name__ if name in _SECRETS else repr(value)
        raise UsageError(expected, found, "correct it")
    return value


def _texts(name: str, value: Any) -> Tuple[str, ...]:
    """One text, or several; a number is a camera's."""
    values = value if isinstance(value, (list, tuple)) else [value]
    texts = tuple(str(each) for each in values if isinstance(each, (str, int)))
    if len(texts) != len(values) or (name == "source" and not texts):
        found = redacted(repr(value))  # addresses of cameras hold passwords
        raise UsageError("a text, or a list of them, for {}".format(name), found, "correct it")
    return texts
