"""What TensorRT says while it works: kept, so that an error can tell the cause.

TensorRT reports a failure by returning None; the reason is only in its log.
"""

import logging
from collections import deque
from typing import Any, Deque, List

KEPT_MESSAGES = 50
SHOWN_MESSAGES = 3
"""In an error: the first is mostly the cause, the next say where."""

_OUT_OF_MEMORY = ("out of memory", "outofmemory", "insufficient memory", "memoryallocation")
_NO_IMPLEMENTATION = "could not find any implementation"

_LOGGER = logging.getLogger("edgedet.tensorrt")


def new_log(trt: Any) -> Any:
    """Return an ILogger of that TensorRT that counts messages and keeps errors and warnings.

    Its `count` grows with each message of any severity: a sign of life where TensorRT has no
    progress monitor.
    """
    severity = trt.ILogger.Severity
    errors = (severity.INTERNAL_ERROR, severity.ERROR)

    class Log(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.count = 0
            self._errors: Deque[str] = deque(maxlen=KEPT_MESSAGES)
            self._warnings: Deque[str] = deque(maxlen=KEPT_MESSAGES)

        def log(self, level: Any, message: str) -> None:
            """TensorRT calls this, from any of its threads."""
            self.count += 1
            if level in errors:
                self._errors.append(message)
            elif level == severity.WARNING:
                self._warnings.append(message)
                _LOGGER.debug(message)

        def clear(self) -> None:
            """Forget what was said about earlier work."""
            self._errors.clear()
            self._warnings.clear()

        def cause(self) -> str:
            """Return the errors since `clear` on one line, warnings when there were none."""
            kept = list(self._errors) or list(self._warnings)
            return "; ".join(_different(kept)[:SHOWN_MESSAGES]) or "no reason given"

    return Log()


def is_out_of_memory(cause: str) -> bool:
    """Return whether TensorRT says that memory was too little, which it has no code for."""
    return any(words in cause.lower() for words in _OUT_OF_MEMORY)


def is_without_implementation(cause: str) -> bool:
    """Return whether TensorRT says that none of the kernels it may try does a layer."""
    return _NO_IMPLEMENTATION in cause.lower()


def _different(messages: List[str]) -> List[str]:
    lines = [" ".join(message.split()) for message in messages]
    return sorted(set(lines), key=lines.index)
