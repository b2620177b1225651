"""Messages of the log as lines of JSON, for machines that collect them."""

import json
import logging

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
