"""Text of another machine, or of a model of others, as a terminal may show it."""

from __future__ import annotations

import re
from typing import Any

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""All that a terminal obeys but tabs and line feeds."""


def visible(text: str) -> str:
    """Return the text with a question mark for whatever a terminal would obey, not show."""
    return CONTROL.sub("?", text)


def visible_values(values: Any) -> Any:
    """Return plain JSON types with all their texts, keys included, made visible."""
    if isinstance(values, str):
        return visible(values)
    if isinstance(values, list):
        return [visible_values(value) for value in values]
    if isinstance(values, dict):
        return {visible(key): visible_values(value) for key, value in values.items()}
    return values
