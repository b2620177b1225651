"""Where a camera is, as the user says it, and the same without its secrets."""

import re
import sys
from pathlib import Path
from typing import Callable, Dict, NamedTuple, Optional, Tuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from ..errors import UsageError
from ..nearest import check_name, unknown_name
from .live_source import CaptureWish

USB, CSI, RTSP, HTTP = "usb", "csi", "rtsp", "http"
FILES, SHAPES, PIPELINE, STDIN = "files", "shapes", "pipeline", "stdin"
"""Kinds of sources."""
EXAMPLES = "give 0, csi://0, rtsp://..., http://..., a file, a folder or shapes://640x480@30"
PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
"""Where streams are served when the URI does not say it."""

_DEVICE = re.compile(r"^(?:/dev/video)?(\d+)$")
_SIZE = re.compile(r"^([1-9]\d{0,4})x([1-9]\d{0,4})$")
_SHAPES = re.compile(r"^(?:([1-9]\d{0,4}x[1-9]\d{0,4}))?(?:@(.+))?$")
_SECRETS = (
    # To the last @: a password may hold one, and hiding too much does no harm.
    (re.compile(r"(?<=://)\S*@"), ""),
    # Of an address whose kind is missing or misspelt.
    (re.compile(r"[^\s:/@]+:\S*@"), ""),
    # In quotes, which may not close, to their end; else to the end of the word or the parameter.
    (
        re.compile(
            r"(?i)((?:pass\w*|pwd?|pw|token|secret|key|auth\w*|sig\w*)=)"
            r"(?:'[^']*'?|\"[^\"]*\"?|[^&\s]+)"
        ),
        r"\1***",
    ),
)
_LOGIN = re.compile(r"^[^\s@]+:[^\s@]+@")


class SourceUri(NamedTuple):
    """One source, understood."""

    kind: str
    target: str
    """What to open: a path, a number, a pipeline, or an address with all its secrets."""
    wish: CaptureWish
    """What the caller and the URI ask for; the URI goes first."""
    shown: str
    """For messages and logs: without secrets."""


def redacted(text: str) -> str:
    """Return the text without users and passwords of its addresses, and without its tokens."""
    for pattern, shown in _SECRETS:
        text = pattern.sub(shown, text)
    return text


def parse_source(uri: str, wish: CaptureWish) -> SourceUri:
    """Return what `uri` says; nothing is opened. UsageError for what cannot be one."""
    scheme, between, _ = uri.partition("://")
    if uri.startswith("gst:"):
        return SourceUri(PIPELINE, uri[len("gst:") :].strip(), wish, redacted(uri))
    if uri == "-":
        return SourceUri(STDIN, uri, wish, "stdin")
    if between:
        readers = _SCHEMES
        if scheme.lower() not in readers:
            raise unknown_name("kind of source", redacted(scheme), readers)
        return readers[scheme.lower()](uri, wish)
    device = _DEVICE.match(uri)
    if device is not None and not Path(uri).is_file():
        return SourceUri(USB, "/dev/video" + device.group(1), wish, "/dev/video" + device.group(1))
    if uri.startswith("/dev/"):
        return SourceUri(USB, uri, wish, uri)
    return _path(uri, wish)


def _path(uri: str, wish: CaptureWish) -> SourceUri:
    if not uri:
        raise UsageError("a source", "none", EXAMPLES)
    if _LOGIN.match(uri) and not Path(uri).exists():
        fix = "write it as rtsp://user:password@host/path"
        raise UsageError("an address with its kind", redacted(uri), fix)
    return SourceUri(FILES, uri, wish, uri)


def host_and_port(address: str) -> Tuple[str, int]:
    """Return where a stream is served; UsageError for an address that does not say it."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
        (host or "").encode("idna")  # raises UnicodeError for a name that is none
    except ValueError as error:
        raise _no_address(address, str(error)) from error
    if not host:
        raise _no_address(address, "no host")
    return host, port or PORTS[parts.scheme.lower()]


def _no_address(address: str, found: str) -> UsageError:
    fix = "write it as rtsp://user:password@host:port/path, with %40 for @ and %2F for / in names"
    return UsageError("the address of a stream", "{} ({})".format(redacted(address), found), fix)


def _usb(uri: str, wish: CaptureWish) -> SourceUri:
    parts = urlsplit(uri)
    device = _DEVICE.match(parts.netloc + parts.path)
    path = "/dev/video" + device.group(1) if device else parts.path
    if parts.netloc and device is None or not path.startswith("/dev/"):
        raise UsageError("a device as v4l2:///dev/video0", redacted(uri), "note the three slashes")
    return SourceUri(USB, path, _with_options(parts, wish), path)


def _csi(uri: str, wish: CaptureWish) -> SourceUri:
    parts = urlsplit(uri)
    number = parts.netloc or parts.path.strip("/") or "0"
    if not number.isdigit():
        raise UsageError("the number of a camera as csi://0", redacted(uri), "the first one is 0")
    return SourceUri(CSI, number, _with_options(parts, wish), "csi://" + number)


def _stream(kind: str) -> Callable[[str, CaptureWish], SourceUri]:
    def parse(uri: str, wish: CaptureWish) -> SourceUri:
        host_and_port(uri)
        return SourceUri(kind, uri, wish, redacted(uri))

    return parse


def _file(uri: str, wish: CaptureWish) -> SourceUri:
    path = uri[len("file://") :]
    if not Path(path).exists():
        path = unquote(path)
    return SourceUri(FILES, path, wish, path)


def _shapes(uri: str, wish: CaptureWish) -> SourceUri:
    match = _SHAPES.match(uri[len("shapes://") :])
    if match is None:
        expected = "moving shapes as shapes://640x480@30"
        raise UsageError(expected, redacted(uri), "give a size and a rate")
    size, fps = match.groups()
    if size:
        wish = wish._replace(size_hw=size_hw_of(size))
    if fps:
        wish = wish._replace(fps=_rate(fps))
    return SourceUri(SHAPES, uri, wish, uri)


def _with_options(parts: SplitResult, wish: CaptureWish) -> CaptureWish:
    """Return the wish with what `?size=1280x720&fps=30` asks for."""
    options: Dict[str, str] = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name, text in options.items():
        check_name("setting of a source", name, ("size", "fps"))
        if name == "size":
            wish = wish._replace(size_hw=size_hw_of(text))
        else:
            wish = wish._replace(fps=_rate(text))
    return wish


def size_hw_of(text: str) -> Tuple[int, int]:
    """Return height and width of `1280x720`, which names the width first; UsageError else."""
    match = _SIZE.match(text)
    if match is None:
        raise UsageError("a size as 1280x720", repr(text), "give width and height in pixels")
    return int(match.group(2)), int(match.group(1))


def _rate(text: str) -> float:
    rate = _number(text)
    if rate is None or not 0 < rate <= sys.maxsize:
        raise UsageError("frames a second as 30", repr(text), "give a number above 0")
    return rate


def _number(text: str) -> Optional[float]:
    try:
        return float(text)
    except ValueError:
        return None


_SCHEMES: Dict[str, Callable[[str, CaptureWish], SourceUri]] = {
    "csi": _csi,
    "file": _file,
    "http": _stream(HTTP),
    "https": _stream(HTTP),
    "rtsp": _stream(RTSP),
    "rtsps": _stream(RTSP),
    "shapes": _shapes,
    "v4l2": _usb,
}
