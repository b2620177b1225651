"""A JSON file that a user wrote."""

import json
from pathlib import Path
from typing import Any

from .errors import UsageError


def read_json(path: Path, what: str) -> Any:
    """Return what the file holds; UsageError, which says `what` it was to hold, when it is not
    there or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        expected, found = "{} in {}".format(what, path), "brackets in brackets without end"
        raise UsageError(expected, found, "take some out") from error
    except OSError as error:
        expected, found = "a file of {} at {}".format(what, path), error.strerror or str(error)
        raise UsageError(expected, found, "check the path") from error
    except ValueError as error:
        found = " ".join(str(error).split())
        fix = "correct it" if path.suffix == ".json" else "write the {} as JSON".format(what)
        raise UsageError("{} as JSON in {}".format(what, path), found, fix) from error
