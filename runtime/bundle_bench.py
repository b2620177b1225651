"""How fast a bundle's model is on this machine, and whether INT8 is worth it here."""

import json
from argparse import Namespace
from typing import Any, Dict, Optional

from .bundle_choice import Choice, Wish, choose, fitting_engine, open_choice, wish_of
from .bundle_file import Bundle
from .speed_report import SpeedRequest, speed_report
from .speed_text import speed_text

RIVALS = {"int8": "fp16", "fp16": "int8"}
COMPARED = "engine_call"
"""Of the speeds of a report: what differs between two engines of one model."""


def bench(bundle: Bundle, arguments: Namespace) -> str:
    """Measure how fast the model is here, and return tables or JSON.

    Where both an INT8 and an FP16 engine were built both are measured, one after the other, unless
    FP16 or FP32 was asked for.
    """
    wish = wish_of(arguments)
    choice = choose(bundle, wish)
    request = SpeedRequest(
        arguments.source,
        arguments.threads,
        arguments.iterations,
        arguments.warmup,
        arguments.sustain,
    )
    report = _measured(bundle, choice, wish, request)
    rival = _rival(bundle, choice, wish)
    if rival is not None:
        other = _measured(bundle, rival, wish, request._replace(sustain_s=0.0))
        report["compared"] = _comparison(report, choice, other, rival)
    if arguments.json:
        return json.dumps(report, indent=2)
    text = speed_text(report)
    return text if rival is None else "{}\n{}".format(text, comparison_line(report["compared"]))


def comparison_line(compared: Dict[str, float]) -> str:
    """Return in one line which of the two is to be taken here."""
    times = "{:.2f} ms a call in the median, FP16 {:.2f} ms".format(
        compared["int8_ms"], compared["fp16_ms"]
    )
    if compared["int8_ms"] >= compared["fp16_ms"]:
        return "INT8 is slower than FP16 here: {}; use FP16".format(times)
    return "INT8 is faster than FP16 here: {}; it is used with --precision int8".format(times)


def _measured(bundle: Bundle, choice: Choice, wish: Wish, request: SpeedRequest) -> Dict[str, Any]:
    about = dict(choice.about(), model=str(bundle.path), edgedet=bundle.edgedet)
    return speed_report(lambda: open_choice(bundle, choice, wish), about, request)


def _rival(bundle: Bundle, choice: Choice, wish: Wish) -> Optional[Choice]:
    """The engine to compare with, if there is one and no single precision was asked for."""
    if choice.facts is None or wish.precision not in (None, "int8"):
        return None
    precision = RIVALS.get(choice.facts.precision)
    return None if precision is None else fitting_engine(bundle, precision)


def _comparison(
    report: Dict[str, Any], choice: Choice, other: Dict[str, Any], rival: Choice
) -> Dict[str, float]:
    found = {}
    for each, values in ((choice, report), (rival, other)):
        if each.facts is not None:
            found[each.facts.precision + "_ms"] = values[COMPARED]["median_ms"]
    return found
