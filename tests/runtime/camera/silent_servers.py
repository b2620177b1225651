"""Servers that take a connection and then say nothing, or nothing more."""

import socket
import threading
from contextlib import contextmanager, suppress

ABLE = b"RTSP/1.0 200 OK\r\n%s\r\nPublic: OPTIONS, DESCRIBE, SETUP, PLAY\r\n\r\n"


@contextmanager
def silent_servers(count, answers_options=False):
    """The ports of so many servers; those of RTSP tell what they can do, and hang then."""
    with_ports = [socket.socket() for _ in range(count)]
    connections = []
    for server in with_ports:
        server.bind(("127.0.0.1", 0))
        server.listen(8)
        words = (server, connections, answers_options)
        threading.Thread(target=_serve, args=words, daemon=True).start()
    yield [server.getsockname()[1] for server in with_ports]
    for each in with_ports + connections:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


def _serve(server, connections, answers_options):
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        connections.append(connection)
        if answers_options:
            threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection):
    try:
        while True:
            asked = connection.recv(4096)
            if not asked:
                return
            if asked.startswith(b"OPTIONS"):
                (number,) = [line for line in asked.split(b"\r\n") if b"cseq" in line.lower()]
                connection.sendall(ABLE % number)
    except OSError:
        pass
