"""How messages are written to stderr: for people, or as JSON for machines that collect them."""

import json
import logging
import sys
from contextlib import contextmanager
from typing import Iterator

from .json_lines import iso_time


class JsonFormatter(logging.Formatter):
    """``{"time" (UTC), "level", "logger", "message"}``, and "error" with a traceback if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        values = {
            "time": iso_time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            values["error"] = self.formatException(record.exc_info)
        return json.dumps(values)


@contextmanager
def logged_as(form: str) -> Iterator[None]:
    """Write the messages of edgedet to stderr in the form `text` or `json`, inside the block."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else logging.Formatter("%(message)s"))
    log = logging.getLogger("edgedet")
    handlers, level, propagate = log.handlers, log.level, log.propagate
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.handlers, log.propagate = handlers, propagate
        log.setLevel(level)
