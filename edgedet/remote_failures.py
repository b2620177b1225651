"""What ssh complains of, as one line that says what to do."""

from __future__ import annotations

from collections.abc import Callable

from edgedet.runtime.errors import DeviceError, EdgedetError, UsageError

SSH_FAILED = 255
"""Exit code of ssh itself; all others are those of the command there."""
NO_SUCH_PROGRAM = 127
UNREACHABLE = (
    "Could not resolve hostname",
    "Connection refused",
    "Connection timed out",
    "Operation timed out",
    "No route to host",
    "Network is unreachable",
    "Connection reset",
    "Connection closed",
    "banner exchange",
)


def ssh_failure(host: str, complaint: str, code: int) -> EdgedetError:
    """Return the error for what ssh wrote to stderr when it ended with `code`."""
    for text, error in _CAUSES:
        if text in complaint:
            return error(host)
    last = last_line(complaint) or f"exit code {code}"
    if any(text in complaint for text in UNREACHABLE):
        fix = "check the name, that the machine is on, and that its ssh server runs"
        return DeviceError(f"ssh to {host}", last, fix)
    return DeviceError(f"ssh to {host}", last, f"try it by hand: ssh {host} true")


def command_failure(host: str, what: str, complaint: str, code: int) -> EdgedetError:
    """Return the error for a command that ran there and failed."""
    last = last_line(complaint) or f"exit code {code}"
    if "No space left" in complaint or "Disk quota exceeded" in complaint:
        fix = "free some there, or let TMPDIR in its shell's environment name a larger disk"
        return DeviceError(f"room on the disk of {host} for {what}", last, fix)
    if code == NO_SUCH_PROGRAM:
        return DeviceError(f"{what} on {host}", last, f"install it there, then again: {what}")
    if code < 0 or code > 128:  # noqa: PLR2004 - a shell's way to tell a signal
        signal = -code if code < 0 else code - 128
        fix = "look there for memory that ran out: dmesg | tail"
        return DeviceError(f"{what} on {host} to end by itself", f"signal {signal}", fix)
    return DeviceError(f"{what} on {host} to succeed", last, f"try it by hand: ssh {host}")


def last_line(text: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def no_option(host: str) -> None:
    """Raise UsageError for a host that ssh would take for an option, or that is none."""
    if not host or host.startswith("-") or " " in host or not host.isprintable():
        raise UsageError("--host as user@board", repr(host), "name it as you would for ssh")


def _changed_key(host: str) -> EdgedetError:
    return DeviceError(
        f"the host key that is known of {host}",
        "another one: the machine was set up anew, or it is not the one you mean",
        f"when you know why, forget the old one: ssh-keygen -R {bare_name(host)}",
    )


def _unknown_key(host: str) -> EdgedetError:
    fix = f"connect once by hand and check what it shows: ssh {host}"
    return DeviceError(f"a known host key of {host}", "none in known_hosts", fix)


def _no_login(host: str) -> EdgedetError:
    expected, found = f"a login at {host} by key", "permission denied"
    return DeviceError(expected, found, f"let your key in: ssh-copy-id {host}")


def bare_name(host: str) -> str:
    """Return the host without the user."""
    return host.rpartition("@")[2]


_CAUSES: tuple[tuple[str, Callable[[str], EdgedetError]], ...] = (
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", _changed_key),
    ("Host key verification failed", _unknown_key),
    ("Permission denied", _no_login),
)
