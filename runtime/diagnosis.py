"""One line of the doctor's report."""

from typing import Any, Dict, NamedTuple

OK = "ok"
WARNING = "warning"
MISSING = "missing"
STATUSES = (OK, WARNING, MISSING)


class Diagnosis(NamedTuple):
    """What was looked at, what is there, and what to do about it."""

    name: str
    status: str
    """One of `STATUSES`."""
    found: str
    fix: str = ""
    """What to do; "" when there is nothing to do."""
    details: Dict[str, Any] = {}
    """The same as plain values, where a program may want them."""

    def values(self) -> Dict[str, Any]:
        """Return it as plain values for JSON."""
        return dict(self._asdict())
