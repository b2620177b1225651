"""Another machine over ssh: a real server on this one. Nothing is left, however it ends."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from sshd_loopback import Sshd, require_sshd

from edgedet.remote import Remote
from edgedet.remote_failures import command_failure
from edgedet.runtime.errors import DeviceError, EdgedetError, UsageError


@pytest.fixture
def board(tmp_path, monkeypatch):
    require_sshd()
    server = Sshd(tmp_path, {})
    server.start()
    monkeypatch.setenv("PATH", server.path)
    yield server
    server.stop()
    assert ours(tmp_path) == []


def ours(folder):
    """Command lines of ssh clients that go by that folder's configuration, and still run."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if f"-F {folder}/ssh_config" in words:
            found.append(words)
    return found


def runs(marker):
    """Whether a process has that word in its command line."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker.encode() in file.read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False


def wait_for(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def test_a_file_goes_there_and_a_program_runs_there(board, tmp_path, caplog):
    sent = tmp_path / "sent file"
    sent.write_bytes(bytes(range(256)) * 1000)
    with caplog.at_level(logging.INFO), Remote("board") as there:
        there.send(sent, "a file")
        assert (Path(there.folder) / "a file").read_bytes() == sent.read_bytes()
        assert Path(there.folder).stat().st_mode & 0o077 == 0  # nobody else looks in
        script = 'echo "$MINE $(pwd) $TMPDIR"; echo progress >&2; exit 3'
        answer = there.run(["sh", "-c", script], {"MINE": "two words; $HOME"})
        assert answer.code == 3
        assert answer.out == f"two words; $HOME {there.folder} {there.folder}\n"
    assert "board: progress" in caplog.text
    assert board.folders() == []


def test_it_is_removed_after_an_error_of_ours(board):
    def fail():
        with Remote("board") as there:
            assert board.folders() == [Path(there.folder).name]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert board.folders() == []


def test_it_stays_when_it_is_wanted(board, caplog):
    with caplog.at_level(logging.INFO), Remote("board", keep=True) as there:
        there.send(Path(__file__), "kept.py")
    assert (Path(there.folder) / "kept.py").is_file()
    assert f"kept: board:{there.folder}" in caplog.text


LONG = """
    import logging, sys
    logging.basicConfig(level=logging.INFO)
    from edgedet.cli import main
    from edgedet.remote import Remote
    with Remote("board") as there:
        there.run(["sh", "-c", "echo working >&2; {command}", {marker!r}])
"""


def start_long(command, marker):
    """A process of ours in whose middle a program runs there, and the program goes on and on."""
    text = textwrap.dedent(LONG.format(command=command, marker=marker))
    process = subprocess.Popen(
        [sys.executable, "-c", text], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "working" in line:
            break
    assert runs(marker)
    return process


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_we_end_the_program_there_ends_and_the_folder_goes(board, how):
    marker = f"marker-{os.getpid()}-{how}"
    process = start_long("while true; do sleep 0.1; done", marker)
    assert len(board.folders()) == 1
    os.killpg(process.pid, how)  # as a terminal does with Ctrl-C: all of the group at once
    process.wait(60)
    process.stderr.close()
    wait_for(lambda: not runs(marker))
    assert board.wait_until_clean()
    wait_for(lambda: ours(board.folder) == [])


@pytest.mark.slow
def test_a_program_that_minds_no_ctrl_c_is_killed(board):
    marker = f"marker-{os.getpid()}-deaf"
    process = start_long("trap '' INT TERM; while true; do sleep 0.1; done", marker)
    os.killpg(process.pid, signal.SIGINT)
    process.wait(60)
    process.stderr.close()
    wait_for(lambda: not runs(marker))
    assert board.wait_until_clean()


def test_other_processes_there_are_left_alone(board):
    with subprocess.Popen(["sleep", "60"], cwd=board.tmp) as other:
        with Remote("board") as there:
            there.run(["true"])
        assert other.poll() is None
        other.kill()


@pytest.mark.parametrize("separator", [" ", "\n"])
def test_a_folder_named_like_a_line_of_ls_harms_no_other_process(board, separator):
    with subprocess.Popen(["sleep", "60"], cwd=board.tmp) as victim:
        with Remote("board") as there:
            line = f"lrwxrwxrwx 1 a a 0 Nov 1 00:00 /proc/{victim.pid}/cwd -> {there.folder}"
            trap = board.folder / "trap" / f"x{separator}{line.lstrip('/')}"
            trap.mkdir(parents=True)
            trapper = subprocess.Popen(["sleep", "60"], cwd=trap)
        assert victim.poll() is None
        assert trapper.poll() is None
        trapper.kill()
        trapper.wait()
        victim.kill()


@pytest.mark.slow
def test_a_folder_with_letters_of_patterns_in_its_name(board):
    odd = board.tmp / "o|d.d[a*$ \u00e9"
    odd.mkdir()
    board.environ["TMPDIR"] = odd
    board.write_board()
    marker = f"marker-{os.getpid()}-odd"
    process = start_long("trap '' INT TERM; while true; do sleep 0.1; done", marker)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)
    process.stderr.close()
    wait_for(lambda: not runs(marker))
    wait_for(lambda: list(odd.iterdir()) == [])


def test_what_a_terminal_would_obey_is_not_shown(board, caplog):
    with caplog.at_level(logging.INFO), Remote("board") as there:
        answer = there.run(["printf", r"\033]0;mine\007 \033[2J\n"])
        assert "\033" in answer.out  # JSON hides it, see remote_answers
        there.run(["sh", "-c", r"printf '\033]0;mine\007\n' >&2"])
    assert "board: ?]0;mine?" in caplog.text
    assert "\033" not in caplog.text


def test_a_host_that_answers_without_end(board, monkeypatch):
    monkeypatch.setattr("edgedet.remote.MOST_CHARACTERS", 1000)
    with (
        pytest.raises(DeviceError, match="at most 1000 characters, found more"),
        Remote("board") as there,
    ):
        there.run(["sh", "-c", "yes"])
    assert board.wait_until_clean()


def test_a_lost_connection_is_one_line_and_cleans_up(board):
    def lose():
        with Remote("board") as there:
            connections = board.connections()
            assert connections
            board.stop()
            for pid in connections:
                os.kill(pid, signal.SIGKILL)
            there.run(["true"])

    with pytest.raises(DeviceError) as error:
        lose()
    assert "\n" not in str(error.value)
    assert board.wait_until_clean()


@pytest.mark.parametrize(
    ("host", "expected", "fix"),
    [
        ("nobody", "ssh to nobody, found .*Connection refused", "its ssh server runs"),
        ("no.such.host.invalid", "ssh to no.such.*Could not resolve", "check the name"),
    ],
)
def test_a_host_out_of_reach(board, host, expected, fix):
    with pytest.raises(DeviceError, match=expected) as error, Remote(host):
        pass
    assert fix in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_host_key_is_never_taken(board):
    (board.folder / "known_hosts").unlink()
    with pytest.raises(DeviceError, match="a known host key of board, found none") as error:
        Remote("board").__enter__()
    assert "connect once by hand" in str(error.value)
    assert not (board.folder / "known_hosts").exists()


def test_a_changed_host_key_is_told_apart(board):
    board.new_key("other_key")
    board.know_host("other_key.pub")
    with pytest.raises(DeviceError, match="another one: .* ssh-keygen -R board"):
        Remote("root@board").__enter__()


def test_a_key_that_the_host_does_not_know(board):
    board.new_key("client_key")
    with pytest.raises(DeviceError, match="a login at board by key, found permission denied"):
        Remote("board").__enter__()


@pytest.mark.parametrize(
    "host", ["-oProxyCommand=touch x", "", "two words", "a\x1b[2J", "a\nb", "a\u3000b"]
)
def test_a_host_that_is_none(host):
    with pytest.raises(UsageError, match="--host as user@board"):
        Remote(host)


def test_without_ssh(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError, match="the program ssh, found none here"):
        Remote("board").__enter__()


def without_room(board, program):
    """Let a program there write to a disk that is full."""
    full = board.folder / "full"
    full.mkdir()
    real = shutil.which(program)
    (full / program).write_text(f'#!/bin/sh\nexec {real} "$@" > /dev/full\n')
    (full / program).chmod(0o755)
    board.environ["PATH"] = f"{full}:/usr/bin:/bin"
    board.write_board()


def test_a_full_disk_while_a_file_is_sent(board):
    without_room(board, "cat")
    expected = "room on the disk of board for a file"
    with pytest.raises(DeviceError, match=expected) as error, Remote("board") as there:
        there.send(Path(__file__), "a file")
    assert "No space left on device" in str(error.value)
    assert "\n" not in str(error.value)
    assert board.folders() == []


def test_no_place_for_a_folder(board):
    board.environ["TMPDIR"] = "/nowhere"
    board.write_board()
    with pytest.raises(DeviceError, match="a temporary folder on board to succeed, found mktemp"):
        Remote("board").__enter__()


def test_a_login_shell_that_talks_does_no_harm(board):
    board.write_board(first="echo Welcome; echo edgedet 1.0; echo advice >&2")
    with Remote("board") as there:
        assert there.folder.startswith(str(board.tmp))
        assert there.run(["echo", "mine"]).out.endswith("mine\n")
    assert board.folders() == []


@pytest.mark.parametrize(
    ("code", "complaint", "expected"),
    [
        (127, "sh: 1: python3: not found", "what on h, found sh: 1: python3: not found"),
        (137, "", "what on h to end by itself, found signal 9; look there for memory"),
        (1, "", "what on h to succeed, found exit code 1"),
        (1, "Disk quota exceeded", "room on the disk of h for what"),
    ],
)
def test_what_a_command_complains_of(code, complaint, expected):
    error = command_failure("h", "what", complaint, code)
    assert isinstance(error, EdgedetError)
    assert expected in str(error)
