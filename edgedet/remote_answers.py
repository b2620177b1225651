"""What a bundle's verbs answer on another machine, read from their JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from edgedet.remote import Answer
from edgedet.remote_failures import command_failure
from edgedet.runtime import errors
from edgedet.runtime.devices import device_named
from edgedet.runtime.errors import EdgedetError
from edgedet.runtime.gpu_diagnosis import Gpu

KINDS = {
    kind.__name__: kind
    for kind in (errors.UsageError, errors.DataError, errors.ModelError, errors.DeviceError)
}
EXPECTED, FOUND = "expected ", ", found "


def facts_of(host: str, what: str, answer: Answer) -> dict[str, Any]:
    """Return the JSON object that a verb printed; its error, named after the host, when it failed.

    what: the command, for the message. A login shell may have printed something before it.
    """
    values = _object_in(answer.out)
    if answer.code == 0 and values is not None:
        return values
    if values is not None and values.get("error") in KINDS:
        raise _error_of(host, values)
    told = [line for line in answer.error.splitlines() if line.startswith("error: ")]
    raise command_failure(host, what, told[-1] if told else answer.error, answer.code)


def line_named(doctor: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the doctor's line of that name, {} without one."""
    lines: list[dict[str, Any]] = doctor.get("lines", [])
    return next((line for line in lines if line.get("name") == name), {})


def gpu_of(doctor: Mapping[str, Any]) -> Gpu | None:
    """Return the first GPU that the doctor found there, or None."""
    details = line_named(doctor, "GPU").get("details") or {}
    if "model" not in details:
        return None
    name = details.get("device")
    return Gpu(
        model=str(details["model"]),
        device=device_named(name) if name else None,
        is_jetson=bool(details.get("is_jetson")),
        compute_capability=str(details.get("compute_capability", "")),
        memory=str(details.get("memory", "")),
        driver=str(details.get("driver", "")),
    )


def _object_in(text: str) -> dict[str, Any] | None:
    lines = text.splitlines(keepends=True)
    begins = [index for index, line in enumerate(lines) if line.startswith("{")]
    for index in begins:
        try:
            values = json.loads("".join(lines[index:]))
        except ValueError:
            continue
        if isinstance(values, dict):
            return values
    return None


def _error_of(host: str, values: Mapping[str, Any]) -> EdgedetError:
    message = str(values.get("message", "")).removeprefix(EXPECTED)
    expected, _, found = message.partition(FOUND)
    kind = KINDS[values["error"]]
    return kind(f"on {host}: {expected}", found or "something else", str(values.get("suggestion")))
