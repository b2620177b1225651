"""What the classes of a foreign model are called."""

import re
from ast import literal_eval
from collections import Counter
from typing import Dict, NamedTuple, Optional, Tuple, Union

from ..errors import ModelError

_COCO = (
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,"
    "stop sign,parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,"
    "backpack,umbrella,handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,"
    "baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,cup,"
    "fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,"
    "cake,chair,couch,potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,"
    "cell phone,microwave,oven,toaster,sink,refrigerator,book,clock,vase,scissors,teddy bear,"
    "hair drier,toothbrush"
)
COCO_80 = tuple(_COCO.split(","))
"""In COCO's own order and spelling."""
_UNUSED_IDS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
"""Of COCO's category ids 1..90, those without a category."""
_LAST_ID = 90
COCO_80_KEY, COCO_91_KEY = "coco80", "coco91"
KNOWN_COUNTS = {COCO_80_KEY: len(COCO_80), COCO_91_KEY: _LAST_ID}
"""Words that stand for lists of names, and how many labels they name."""
METADATA_KEY = "names"
"""Where Ultralytics' exports keep a dict literal of Python."""

_STRING = r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\""
_ENTRY = re.compile(r"\s*(?:(\d{1,6})\s*:\s*)?(" + _STRING + r")\s*(?:,|$)")

Given = Union[str, Tuple[str, ...]]
"""One of `KNOWN_COUNTS`, or the names themselves."""


class ClassNames(NamedTuple):
    """Names of the labels 0, 1, ... that a detector gives."""

    given: Given
    """As the spec file says it."""
    names: Tuple[str, ...]
    labels: Optional[Tuple[int, ...]] = None
    """Label by the network's own, -1 for one without a name; None: they are the same."""
    assumed: str = ""
    """What was assumed, for people; empty: nothing."""


def named_classes(given: Given, assumed: str = "") -> ClassNames:
    """The names that the spec file or the metadata give."""
    if given == COCO_80_KEY:
        return ClassNames(given, COCO_80, assumed=assumed)
    if given == COCO_91_KEY:
        used = [number for number in range(1, _LAST_ID + 1) if number not in _UNUSED_IDS]
        labels = tuple(used.index(n) if n in used else -1 for n in range(1, _LAST_ID + 1))
        return ClassNames(given, COCO_80, labels, assumed)
    return ClassNames(given, tuple(given), assumed=assumed)


def assumed_classes(count: int) -> ClassNames:
    """The names of a model of which only the number of its classes is known."""
    for key, known in sorted(KNOWN_COUNTS.items()):
        if count == known:
            return named_classes(key, "{} classes are COCO's".format(count))
    names = tuple("class{}".format(label) for label in range(count))
    return ClassNames(
        names,
        names,
        assumed="no name for {}".format(", ".join(names[:3]) + ("..." if count > 3 else "")),
    )


def count_of(given: Given) -> int:
    """How many labels of the network they name."""
    return KNOWN_COUNTS[given] if isinstance(given, str) else len(given)


def names_in(metadata: Dict[str, str]) -> Optional[Tuple[str, ...]]:
    """The names in a file's metadata, None without. ModelError for what is no list of names.

    The text is matched, entry by entry, and never run; names that come twice get their number.
    """
    text = metadata.get(METADATA_KEY)
    if text is None:
        return None
    entries = _entries(text.strip())
    if not entries:
        found = "{!r}".format(text[:40])
        fix = "write class_names into the spec file beside the model"
        raise ModelError("names of classes in the metadata, as {0: 'car'}", found, fix)
    names = tuple(entries[label] for label in range(len(entries)))
    counts = Counter(names)
    numbered = tuple("{} {}".format(name or "class", label) for label, name in enumerate(names))
    told = tuple(
        name if name and counts[name] == 1 else other for name, other in zip(names, numbered)
    )
    # One name may be what another one becomes with its number.
    return told if len(set(told)) == len(told) else numbered


def _entries(listing: str) -> Dict[int, str]:
    """Name by label; empty when the text is anything else than a dict or list of strings."""
    if listing[:1] + listing[-1:] not in ("{}", "[]"):
        return {}
    keyed, inside, at = listing[0] == "{", listing[1:-1].rstrip(), 0
    found: Dict[int, str] = {}
    while at < len(inside):
        entry = _ENTRY.match(inside, at)
        if entry is None or (entry.group(1) is not None) != keyed:
            return {}
        try:
            text = str(literal_eval(entry.group(2)))  # one string, as the pattern says
        except (ValueError, SyntaxError):
            return {}
        # Half a pair of UTF-16 can be written as an escape, and nowhere else.
        name = text.encode("utf-8", "replace").decode("utf-8")
        found[int(entry.group(1)) if keyed else len(found)] = name
        at = entry.end()
    return found if set(found) == set(range(len(found))) else {}
