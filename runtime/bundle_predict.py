"""What a bundle finds in images or a video."""

import logging
import time
from argparse import Namespace
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, List, Sequence, Tuple

from .atomic import atomic_path
from .bundle_choice import Choice, choose, open_choice, wish_of
from .bundle_file import Bundle
from .errors import UsageError
from .looking import Look, look_at, summary_line, summary_of
from .results import ImageResult, results_to_json
from .sinks import open_sink
from .sources import VideoSource, open_source

if TYPE_CHECKING:
    from .spec import ModelSpec

REPORT_EVERY_S = 5.0
"""Of a video, which has too many frames for a line each."""

_LOGGER = logging.getLogger("edgedet.bundle")


def predict(bundle: Bundle, arguments: Namespace) -> str:
    """Return what is in each image or frame; with --out it is also written down, drawn.

    Raises UsageError, DataError, ModelError or DeviceError; nothing unfinished is left under a
    final name.
    """
    choice = choose(bundle, wish_of(arguments))
    spec, results = _look(bundle, choice, arguments)
    text = results_to_json(str(bundle.path), choice.device, spec, results)
    if arguments.out is not None:
        with atomic_path(arguments.out / "results.json") as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
    return text if arguments.json else summary_line(results, spec.class_names)


def _look(
    bundle: Bundle, choice: Choice, arguments: Namespace
) -> "Tuple[ModelSpec, List[ImageResult]]":
    with ExitStack() as stack:
        source = stack.enter_context(open_source(arguments.source))
        thresholds = {"conf": arguments.conf, "iou": arguments.iou}
        wish = wish_of(arguments)
        detector = stack.enter_context(open_choice(bundle, choice, wish, **thresholds))
        names, sink = detector.spec.class_names, None
        if arguments.out is not None:
            _take_folder(arguments.out)
        if arguments.out is not None and arguments.save:
            sink = stack.enter_context(open_sink(source, arguments.source, arguments.out, names))
        every_s = REPORT_EVERY_S if isinstance(source, VideoSource) else 0.0
        looks = _told(look_at(source, detector, sink), names, every_s)
        return detector.spec, [look.result for look in looks]


def _told(looks: Iterator[Look], class_names: Sequence[str], every_s: float) -> Iterator[Look]:
    """Hand them on, and say of one every so many seconds what is in it."""
    next_s = time.monotonic()
    for look in looks:
        if time.monotonic() >= next_s:
            found = summary_of([look.result], class_names)
            _LOGGER.info("%s: %s in %.1f ms", look.frame.name, found, look.spent_ms)
            next_s = time.monotonic() + every_s
        yield look


def _take_folder(folder: Path) -> None:
    """Make the folder, or take an empty one: nothing is overwritten."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = any(folder.iterdir())
    except OSError as error:
        found = "{} ({})".format(folder, error.strerror)
        raise UsageError("an --out folder that can be written", found, "choose another") from error
    if taken:
        fix = "choose another: nothing is overwritten"
        raise UsageError("a new or empty --out folder", "{} with files".format(folder), fix)
