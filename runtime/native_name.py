"""Names of files for those who take UTF-8 and no other: libraries in C++, and readers of JSON."""

import os
from pathlib import Path
from typing import Union

from .errors import UsageError


def native_name(path: Union[str, Path]) -> str:
    """Return the path as text that a library can be given.

    Raises UsageError for one with bytes that are no letters in the shell's language, as all beyond
    ASCII for Python 3.6 in a shell without one: OpenCV would end with a segmentation fault.
    """
    text = str(path)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        fix = "run: export LC_ALL=C.UTF-8, or rename it"
        raise UsageError("a name in letters of the shell's language", ascii(text), fix) from error
    return text


def readable_name(path: Union[str, Path]) -> str:
    """Return the path as text for people, with a mark for each byte that is no letter.

    What a C locale makes of a name in UTF-8 is read right again.
    """
    return os.fsencode(str(path)).decode("utf-8", "replace")
