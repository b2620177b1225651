"""Events through a real broker (Debian's mosquitto) and the real Paho."""

import json
import queue
import shutil
import socket
import subprocess
import time

import pytest

from edgedet.runtime.errors import UsageError
from edgedet.runtime.outputs import mqtt as module
from edgedet.runtime.outputs.event_queue import EventQueue
from edgedet.runtime.outputs.mqtt import Mqtt

paho = pytest.importorskip("paho.mqtt.client")
BROKER = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")


def new_client():
    versions = getattr(paho, "CallbackAPIVersion", None)
    return paho.Client() if versions is None else paho.Client(versions.VERSION2)


class Broker:
    """Started and stopped at one port."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._config = folder / "mosquitto.conf"
        text = "listener {} 127.0.0.1\nallow_anonymous true\n".format(self.port)
        self._config.write_text(text)
        self._process = None

    def let_in(self, user, password):
        """Nobody else, from the next start on."""
        known = self._config.with_name("passwords")
        known.touch(0o600)
        tool = [shutil.which("mosquitto_passwd"), "-b", str(known), user, password]
        subprocess.check_call(tool)
        text = "listener {} 127.0.0.1\nallow_anonymous false\npassword_file {}\nuser root\n"
        self._config.write_text(text.format(self.port, known))

    def start(self):
        command = [BROKER, "-c", str(self._config)]
        output = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=output, stderr=output)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("mosquitto does not start")

    def stop(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def broker(tmp_path):
    if BROKER is None:
        pytest.skip("no mosquitto here: apt install mosquitto")
    found = Broker(tmp_path)
    found.start()
    yield found
    found.stop()


def listener(port):
    heard = queue.Queue()
    client = new_client()
    client.on_message = lambda client, data, message: heard.put(
        (message.topic, json.loads(message.payload.decode()))
    )
    ready = queue.Queue()
    client.on_subscribe = lambda *unused: ready.put(True)
    client.on_connect = lambda *unused: client.subscribe("yard/#", qos=1)
    client.connect("127.0.0.1", port)
    client.loop_start()
    ready.get(timeout=10)
    return client, heard


def test_an_event_is_heard_by_another_client(broker):
    client, heard = listener(broker.port)
    target = Mqtt("mqtt://127.0.0.1:{}/yard/events".format(broker.port))
    for n in range(5):
        target.send({"n": n})
    assert [heard.get(timeout=10) for _ in range(5)] == [
        ("yard/events", {"n": n}) for n in range(5)
    ]
    target.close()
    client.loop_stop()


def test_a_broker_that_goes_and_comes_back_loses_nothing(broker, monkeypatch):
    monkeypatch.setattr(module, "TAKEN_S", 0.5)
    target = Mqtt("mqtt://127.0.0.1:{}/yard/events".format(broker.port))
    events = EventQueue(target)
    target_client = target._client
    target_client.reconnect_delay_set(0.1, 0.2)
    events.put({"n": 0})
    deadline = time.monotonic() + 10
    while events.sent < 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    broker.stop()
    for n in range(1, 4):
        events.put({"n": n})
    time.sleep(1.0)
    assert events.sent == 1
    broker.start()
    client, heard = listener(broker.port)
    found = set()
    while found < {1, 2, 3}:
        found.add(heard.get(timeout=30)[1]["n"])
    events.close()
    client.loop_stop()
    assert events.dropped == 0


def test_nobody_there_is_an_error_each_time(broker, monkeypatch):
    broker.stop()
    monkeypatch.setattr(module, "TAKEN_S", 0.2)
    target = Mqtt("mqtt://127.0.0.1:{}/yard".format(broker.port))
    for _ in range(2):
        with pytest.raises(OSError, match="refused"):
            target.send({})
    target.close()


def test_a_wrong_password_is_told_as_such(broker, monkeypatch):
    broker.stop()
    broker.let_in("me", "right-password")
    broker.start()
    monkeypatch.setattr(module, "TAKEN_S", 1.0)
    address = "127.0.0.1:{}/yard".format(broker.port)
    target = Mqtt("mqtt://me:wrong-password@" + address)
    with pytest.raises(OSError, match="the broker says: .*[Nn]ot authori[sz]ed") as error:
        target.send({})
    assert "wrong-password" not in str(error.value)
    target.close()
    target = Mqtt("mqtt://me:right-password@" + address)
    target.send({})
    target.close()


@pytest.mark.parametrize(
    "url", ["mqtt://host", "mqtt://host/", "http://host/topic", "mqtt:///topic"]
)
def test_what_is_no_broker(url):
    with pytest.raises(UsageError, match="mqtt://host/topic"):
        Mqtt(url)


def test_a_topic_for_listeners():
    with pytest.raises(UsageError, match="without"):
        Mqtt("mqtt://host/yard/%23")


def test_secrets_stay_inside():
    assert Mqtt("mqtt://me:secret@host/yard").name == "MQTT host"
    with pytest.raises(UsageError) as error:
        Mqtt("mqtt://me:secret@host")
    assert "secret" not in str(error.value)
