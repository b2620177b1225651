"""What an exported graph may be aimed at: one importer of TensorRT each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from edgedet.runtime.devices import device_named
from edgedet.runtime.nearest import check_name

FACTS_FILE = "operator_facts.json"


@dataclass(frozen=True)
class Target:
    """One importer, and what is particular about the devices that have it."""

    name: str
    title: str
    parser: str
    """Whose facts hold: a key of `parsers` in the facts."""
    later: str = ""
    """A later importer: what it takes and `parser` does not is unverified, not impossible."""
    caveat: str = ""
    """Why the facts of `parser` are only near; added to each finding."""
    strongly_typed: bool = False
    """Whether the graph says the precision, so that FP16 takes an FP16 graph."""
    device: str = ""
    """The board it is for, where its GPU limits precisions."""

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of its importer."""
        facts: dict[str, Any] = _parsers()[self.parser]
        return facts

    @property
    def uint8(self) -> bool:
        """Whether it has uint8 inputs."""
        return "UINT8" in self.facts["io_types"]

    @property
    def later_operators(self) -> frozenset[str]:
        """Operators that the later importer takes."""
        if not self.later:
            return frozenset()
        operators = _parsers()[self.later]["operators"].items()
        return frozenset(name for name, entry in operators if entry["supported"])

    @property
    def opsets(self) -> tuple[int, int]:
        """The first and last opset that are documented or were tried."""
        return self.facts["opset"]["min"], self.facts["opset"]["max"]

    @property
    def no_int8(self) -> str:
        """Why quantised graphs cannot be built, or "" where they can."""
        if not self.device or "int8" in device_named(self.device).precisions:
            return ""
        return f"the {self.device} has {device_named(self.device).why_not('int8')}"


TARGETS = {
    target.name: target
    for target in (
        Target(
            "nano-trt82",
            "TensorRT 8.2 of JetPack 4.6 (Jetson Nano)",
            parser="8.2",
            device="Jetson Nano 4GB",
        ),
        Target(
            "jetson-trt85",
            "TensorRT 8.5 of JetPack 5.1 (Xavier, Orin)",
            parser="8.5",
            later="10.1",
            caveat="known of 8.2, and not mended by the changelog up to 8.5",
        ),
        Target(
            "jetson-trt103",
            "TensorRT 10.3 of JetPack 6 (Orin)",
            parser="10.1",
            later="rtx-1.7",
            caveat="known of the importer of 10.1, the nearest that was read",
        ),
        Target(
            "trt11",
            "TensorRT 11 (desktop)",
            parser="10.1",
            later="rtx-1.7",
            caveat="known of the importer of 10.1, the nearest that was read",
            strongly_typed=True,
        ),
        Target("rtx", "TensorRT-RTX 1.7 (RTX cards)", parser="rtx-1.7", strongly_typed=True),
    )
}


def target_named(name: str) -> Target:
    """Return a target; UsageError naming the nearest for a name that is none."""
    check_name("target", name, TARGETS)
    return TARGETS[name]


@cache
def _parsers() -> dict[str, Any]:
    text = files(__package__).joinpath(FACTS_FILE).read_text(encoding="utf-8")
    parsers: dict[str, Any] = json.loads(text)["parsers"]
    return parsers
