"""What a bundle's verbs answer on another machine, read from their JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from edgedet.remote import Answer
from edgedet.remote_failures import command_failure
from edgedet.runtime import errors
from edgedet.runtime.devices import Device, device_named
from edgedet.runtime.errors import DeviceError, EdgedetError, UsageError
from edgedet.runtime.gpu_diagnosis import Gpu
from edgedet.runtime.speed_report import MEASURED
from edgedet.speed_table import speed_text
from edgedet.visible_text import visible_values

KINDS = {
    kind.__name__: kind
    for kind in (errors.UsageError, errors.DataError, errors.ModelError, errors.DeviceError)
}
EXPECTED, FOUND = "expected ", ", found "
LINE_WITH_OBJECT = re.compile(r"(?:^|[\r\n])(?=\{)")


def facts_of(host: str, what: str, answer: Answer) -> dict[str, Any]:
    """Return the JSON object that a verb printed; its error, named after the host, when it failed.

    what: the command, for the message. A login shell may have printed something before it.
    """
    values = _object_in(answer.out)
    if answer.code == 0 and values is not None:
        return values
    if values is not None and str(values.get("error")) in KINDS:
        raise _error_of(host, values)
    told = [line for line in answer.error.splitlines() if line.startswith("error: ")]
    raise command_failure(host, what, told[-1] if told else answer.error, answer.code)


def measurement_of(host: str, report: dict[str, Any]) -> dict[str, Any]:
    """Return the report of a benchmark there; DeviceError when it is none that can be shown.

    The host is not ours: what it answers may be anything, an estimate that calls itself measured
    included.
    """
    try:
        whole = report["kind"] == MEASURED and bool(speed_text(report))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        whole = False
    if not whole:
        raise DeviceError(f"a measurement from {host}", "something else", _by_hand(host))
    return report


def line_named(doctor: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the doctor's line of that name, {} without one."""
    return next((line for line in _lines(doctor) if line.get("name") == name), {})


def gpu_of(doctor: Mapping[str, Any]) -> Gpu | None:
    """Return the first GPU that the doctor found there, or None."""
    details = line_named(doctor, "GPU").get("details")
    if not isinstance(details, dict) or "model" not in details:
        return None
    return Gpu(
        model=str(details["model"]),
        device=_device(str(details.get("device"))),
        is_jetson=bool(details.get("is_jetson")),
        compute_capability=str(details.get("compute_capability", "")),
        memory=str(details.get("memory", "")),
        driver=str(details.get("driver", "")),
    )


def _object_in(text: str) -> dict[str, Any] | None:
    """Return the object that the text ends with, beginning on a line of its own."""
    decoder, text = json.JSONDecoder(), text.rstrip()
    for line in LINE_WITH_OBJECT.finditer(text):
        try:
            values, end = decoder.raw_decode(text, line.end())
        except (ValueError, RecursionError):
            continue
        if end == len(text):
            found: dict[str, Any] = visible_values(values)
            return found
    return None


def _lines(doctor: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    lines = doctor.get("lines")
    yield from (line for line in lines if isinstance(line, dict)) if isinstance(lines, list) else ()


def _device(name: str) -> Device | None:
    try:
        return device_named(name)
    except UsageError:  # none, or one that the table here lacks
        return None


def _error_of(host: str, values: Mapping[str, Any]) -> EdgedetError:
    message = str(values.get("message", "")).removeprefix(EXPECTED)
    expected, _, found = message.partition(FOUND)
    kind = KINDS[values["error"]]
    fix = str(values.get("suggestion") or _by_hand(host))
    return kind(f"on {host}: {expected}", found or "something else", fix)


def _by_hand(host: str) -> str:
    return f"try it by hand: ssh {host}"
