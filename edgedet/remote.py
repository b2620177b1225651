"""A folder of ours on another machine, over ssh, for as long as a block lasts.

One connection, on which a guard waits there: a shell that ends what runs in the folder and removes
it as soon as its input ends. That happens however we end, Ctrl-C, a crash and a lost connection
included, so nothing is left behind unless it is asked for.
"""

from __future__ import annotations

import logging
import shlex
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple

from edgedet.remote_failures import SSH_FAILED, command_failure, no_option, ssh_failure
from edgedet.runtime.errors import DeviceError
from edgedet.visible_text import visible

OPTIONS = {
    "BatchMode": "yes",  # asks nothing: no password, no new host key
    "StrictHostKeyChecking": "yes",
    "ConnectTimeout": "10",
    "ServerAliveInterval": "15",
    "ServerAliveCountMax": "4",
    "LogLevel": "ERROR",
    # Of a user's own configuration: what would get into the way.
    "ClearAllForwardings": "yes",
    "RemoteCommand": "none",
    "ForwardX11": "no",
    "ForwardAgent": "no",
    "RequestTTY": "no",
    "ControlPersist": "no",
}
MARK = "edgedet-folder:"
KEEP = "keep"
CLEANUP_S = 30.0
"""Longer than the guard takes to end what still runs."""
GUARD = (
    "umask 077; LC_ALL=C; export LC_ALL; "
    'd=$(mktemp -d "${TMPDIR:-/tmp}/edgedet.XXXXXXXX") && d=$(cd "$d" && pwd -P) || exit 1; '
    'trap "" HUP INT TERM PIPE; '
    f'echo "{MARK}$d"; read -r last; '
    # By their working folder, so that no process of another is ever touched. A folder may be named
    # like a line of ls, so what ls says is looked at again.
    "ours() { for pid in $(ls -ld /proc/[0-9]*/cwd 2>/dev/null "
    "| sed -n 's|^.* /proc/\\([0-9]*\\)/cwd -> .*/edgedet.*|\\1|p'); do "
    'case "$(readlink "/proc/$pid/cwd" 2>/dev/null)/" in "$d"/*) echo "$pid";; esac; done; }; '
    "for signal in INT TERM KILL; do "
    'pids=$(ours); [ -n "$pids" ] || break; kill -$signal $pids 2>/dev/null; n=0; '
    'while [ $n -lt 50 ] && [ -n "$(ours)" ]; do sleep 0.1; n=$((n+1)); done; done; '
    f'[ "$last" = {KEEP} ] || rm -rf -- "$d"'
)

MOST_CHARACTERS = 1 << 26
"""Of an answer: a hundred times the longest report."""

logger = logging.getLogger(__name__)


class Answer(NamedTuple):
    """What a command there answered."""

    code: int
    out: str
    error: str


class Remote:
    """One machine that ssh gets to, as a context manager; `folder` is ours inside the block."""

    def __init__(self, host: str, *, keep: bool = False) -> None:
        """host: as for ssh, its configuration included. keep: leave the folder there."""
        no_option(host)
        self.host = host
        self.folder = ""
        self._keep = keep
        self._closing = ExitStack()

    def __enter__(self) -> Remote:
        if shutil.which("ssh") is None:
            raise DeviceError("the program ssh", "none here", "install it: openssh-client")
        try:
            self._open()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.close()
        if self._keep:
            logger.info("kept: %s:%s", self.host, self.folder)

    def send(self, file: Path, name: str) -> None:
        """Put a file into the folder; DeviceError when there is no room or no connection."""
        with file.open("rb") as content:
            answer = self._command(f"cat > {shlex.quote(name)}", content)
        if answer.code:
            raise command_failure(self.host, f"{name}", answer.error, answer.code)

    def run(self, words: Sequence[str], environ: Mapping[str, str] | None = None) -> Answer:
        """Run a program in the folder; what it writes to stderr is logged as it comes.

        Raises DeviceError when the connection fails; a program that fails is for the caller.
        """
        # Programs leave files in their temporary folder, ONNX Runtime for one.
        values = {"TMPDIR": self.folder, **(environ or {})}
        given = [f"{name}={shlex.quote(value)}" for name, value in values.items()]
        # No exec: of a program that a signal ends, ssh tells less than the shell does.
        return self._command(f"{' '.join([*given, shlex.join(words)])}; exit $?", None)

    def _open(self) -> None:
        socket = Path(self._closing.enter_context(_short_folder())) / "ssh"
        self._options = [f"-o{name}={value}" for name, value in OPTIONS.items()]
        self._options += ["-S", str(socket)]
        master = [*self._options, "-oControlMaster=yes", "--", self.host]
        guard = _start(["ssh", *master, _shell(GUARD)], subprocess.PIPE)
        self._closing.callback(self._end_guard, guard)
        self._guard = guard
        self.folder = self._folder_of(guard)

    def _folder_of(self, guard: subprocess.Popen[str]) -> str:
        assert guard.stdout is not None
        assert guard.stderr is not None
        for line in guard.stdout:  # whatever a login shell says comes first
            if line.startswith(MARK):
                return line[len(MARK) :].rstrip("\n")
        complaint, code = visible(guard.stderr.read()), guard.wait()
        if code == SSH_FAILED:
            raise ssh_failure(self.host, complaint, code)
        raise command_failure(self.host, "a temporary folder", complaint, code)

    def _end_guard(self, guard: subprocess.Popen[str]) -> None:
        assert guard.stdin is not None
        with suppress(OSError):  # it is gone
            if self._keep:
                guard.stdin.write(KEEP + "\n")
            guard.stdin.close()
        try:
            guard.wait(CLEANUP_S)
        except subprocess.TimeoutExpired:
            guard.kill()
            guard.wait()
            logger.warning("%s did not say that %s is gone", self.host, self.folder)
        for stream in (guard.stdout, guard.stderr):
            if stream is not None:
                stream.close()

    def _command(self, text: str, content: IO[bytes] | None) -> Answer:
        script = f"umask 077; LC_ALL=C; export LC_ALL; cd {shlex.quote(self.folder)} && {text}"
        client = ["ssh", *self._options, "-oControlMaster=no", "--", self.host, _shell(script)]
        process = _start(client, subprocess.DEVNULL if content is None else content)
        try:
            answer = self._collected(process)
        finally:
            if process.poll() is None:
                process.kill()  # ours alone: the guard ends what runs there
            process.wait()
        if answer.code == SSH_FAILED:
            raise ssh_failure(self.host, answer.error, answer.code)
        return answer

    def _collected(self, process: subprocess.Popen[str]) -> Answer:
        lines: list[str] = []
        assert process.stderr is not None
        reader = threading.Thread(target=self._log, args=(process.stderr, lines), daemon=True)
        reader.start()
        assert process.stdout is not None
        out = process.stdout.read(MOST_CHARACTERS + 1)
        if len(out) > MOST_CHARACTERS:
            expected = f"an answer of {self.host} of at most {MOST_CHARACTERS} characters"
            raise DeviceError(expected, "more", f"try it by hand: ssh {self.host}")
        code = process.wait()
        reader.join()
        process.stdout.close()
        process.stderr.close()
        return Answer(code, out, "".join(lines))

    def _log(self, stream: IO[str], lines: list[str]) -> None:
        for text in stream:
            line = visible(text)
            lines.append(line)
            if not line.startswith("error: "):  # that one is raised
                logger.info("%s: %s", self.host, line.rstrip())


def _short_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that only we may enter; the path of a socket has 100 characters or so."""
    return tempfile.TemporaryDirectory(prefix="edgedet-")


def _shell(script: str) -> str:
    """The script for any login shell to hand on."""
    return f"exec sh -c {shlex.quote(script)}"


def _start(command: list[str], given: int | IO[bytes]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        stdin=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        # Ctrl-C is for us: a connection that it ended could not clean up.
        start_new_session=True,
    )
