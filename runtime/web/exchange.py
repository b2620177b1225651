"""What a client asks and what it gets."""

import json
from abc import abstractmethod
from email.message import Message
from typing import Any, Dict, Iterator, NamedTuple, Optional, Tuple

from ..closing import Closing

TEXT = "text/plain; charset=utf-8"


class Request(NamedTuple):
    """One request, read whole and within its limits."""

    method: str
    path: str
    """Unquoted, without the query."""
    query: Dict[str, str]
    headers: Message
    body: bytes


class Parts(Closing):
    """A body that comes piece by piece, as long as the client takes it."""

    @abstractmethod
    def __iter__(self) -> Iterator[bytes]:
        """Yield the pieces."""


class Answer(NamedTuple):
    """One answer; with `parts` the body is theirs."""

    status: int
    kind: str
    """Its Content-Type."""
    body: bytes = b""
    headers: Tuple[Tuple[str, str], ...] = ()
    parts: Optional[Parts] = None


def text_answer(status: int, line: str) -> Answer:
    """Return a line for people."""
    return Answer(status, TEXT, (line + "\n").encode("utf-8"))


def json_answer(values: Dict[str, Any]) -> Answer:
    """Return a JSON object."""
    return Answer(200, "application/json", json.dumps(values, allow_nan=False).encode("utf-8"))
