"""A real ssh server on this machine, for as long as a test lasts: its own keys, port and config."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
SERVER = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
ForceCommand sh {folder}/board.sh
"""
BOARD = """\
{exports}
exec sh -c "$SSH_ORIGINAL_COMMAND"
"""
CLIENT = """\
Host board
  HostName 127.0.0.1
  Port {port}
  User {user}
  IdentityFile {folder}/client_key
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile /dev/null
Host nobody
  HostName 127.0.0.1
  Port 1
"""


class Sshd:
    """`board` is this machine, seen through it."""

    def __init__(self, folder, environ):
        self.folder = folder
        self.tmp = folder / "remote_tmp"
        self.tmp.mkdir()
        self.environ = {"TMPDIR": self.tmp, **environ}
        self._process = None

    def start(self):
        for name in ("host_key", "client_key"):
            self.new_key(name)
        shutil.copy(self.folder / "client_key.pub", self.folder / "authorized_keys")
        for port in (_free_port() for _ in range(5)):
            if self._starts_on(port):
                self.know_host()
                self._write_client()
                return
        pytest.skip(f"sshd does not start: {(self.folder / 'sshd.log').read_text()[-500:]}")

    def write_board(self, first=""):
        """What stands for a login there; first: what it does before anything else."""
        exports = [f"export {name}='{value}'" for name, value in self.environ.items()]
        text = BOARD.format(exports="\n".join([first, *exports]))
        (self.folder / "board.sh").write_text(text)

    def new_key(self, name):
        file = self.folder / name
        file.unlink(missing_ok=True)
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)]
        subprocess.run(command, check=True)

    def know_host(self, key="host_key.pub"):
        kind, text = (self.folder / key).read_text().split()[:2]
        known = f"[127.0.0.1]:{self.port} {kind} {text}\n"
        (self.folder / "known_hosts").write_text(known)

    def stop(self):
        """End it and every connection that it holds."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def connections(self):
        """Process ids that the server holds connections with."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                if int(stat.read_text().rpartition(")")[2].split()[1]) == self._process.pid:
                    found.append(int(stat.parent.name))
        return found

    def folders(self):
        """What our folders on the board hold."""
        return sorted(path.name for path in self.tmp.iterdir())

    def wait_until_clean(self, seconds=10.0):
        end = time.monotonic() + seconds
        while self.folders() and time.monotonic() < end:
            time.sleep(0.05)
        return self.folders() == []

    def _write_client(self):
        text = CLIENT.format(port=self.port, user=getpass.getuser(), folder=self.folder)
        (self.folder / "ssh_config").write_text(text)
        programs = self.folder / "bin"
        programs.mkdir(exist_ok=True)
        ssh = programs / "ssh"
        # -F goes to the real one: there is no option for it, users have ~/.ssh/config.
        ssh.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {self.folder}/ssh_config "$@"\n')
        ssh.chmod(0o755)
        self.path = f"{programs}{os.pathsep}{os.environ['PATH']}"

    def _starts_on(self, port):
        self.port = port
        self.write_board()
        (self.folder / "sshd_config").write_text(SERVER.format(port=port, folder=self.folder))
        if os.geteuid() == 0:  # where it drops its privileges
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        command = [SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")]
        with (self.folder / "sshd.log").open("w") as log:
            self._process = subprocess.Popen(command, stderr=log, stdin=subprocess.DEVNULL)
        for _ in range(100):
            if self._process.poll() is not None:
                return False
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return True
            time.sleep(0.05)
        self.stop()
        return False


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def require_sshd():
    for program, where in (("sshd", SSHD), ("ssh", shutil.which("ssh"))):
        if where is None:
            pytest.skip(f"no {program} here: apt install openssh-server openssh-client")
