"""Events to an MQTT broker, by Eclipse Paho."""

import json
from typing import Any
from urllib.parse import unquote, urlsplit

from ..closing import Closing
from ..errors import UsageError
from ..lazy import require
from .event_queue import Event

PLAIN_PORT, TLS_PORT = 1883, 8883
TAKEN_S = 5.0
KEEPALIVE_S = 30
INSTALL = "install it: pip install paho-mqtt"


class Mqtt(Closing):
    """Publishes with QoS 1: an event is sent until the broker says that it has it."""

    def __init__(self, url: str) -> None:
        """url: `mqtt://user:password@host:1883/topic`, or mqtts. Connects at the first event.

        UsageError for another form, DeviceError where Paho is not installed.
        """
        parts = urlsplit(url)
        self._topic = unquote(parts.path.lstrip("/"))
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or not self._topic:
            found = "one for {}".format(parts.hostname or "no host")
            raise UsageError("a broker like mqtt://host/topic", found, "correct it")
        if "+" in self._topic or "#" in self._topic:
            raise UsageError("a topic without + and #", repr(self._topic), "name one topic")
        self.name = "MQTT {}".format(parts.hostname)
        self._tls = parts.scheme == "mqtts"
        self._host: str = parts.hostname
        self._port = parts.port or (TLS_PORT if self._tls else PLAIN_PORT)
        self._client = self._made()
        if parts.username is not None:
            password = None if parts.password is None else unquote(parts.password)
            self._client.username_pw_set(unquote(parts.username), password)
        self._connected = False

    def send(self, event: Event) -> None:
        """Publish the event; OSError when the broker has not taken it within some seconds."""
        if not self._connected:
            self._client.connect(self._host, self._port, KEEPALIVE_S)
            self._client.loop_start()  # it connects again by itself from here on
            self._connected = True
        message = self._client.publish(self._topic, json.dumps(event, allow_nan=False), qos=1)
        try:
            message.wait_for_publish(TAKEN_S)
        except (RuntimeError, ValueError) as error:
            raise OSError(str(error)) from error
        if not message.is_published():
            raise OSError("the broker did not take it within {:.0f} s".format(TAKEN_S))

    def close(self) -> None:
        """Leave the broker."""
        if self._connected:
            self._connected = False
            self._client.loop_stop()
            self._client.disconnect()

    def _made(self) -> Any:
        paho = require("paho.mqtt.client", INSTALL)
        versions = getattr(paho, "CallbackAPIVersion", None)  # since 2.0, where it must be said
        client = paho.Client() if versions is None else paho.Client(versions.VERSION2)
        if self._tls:
            client.tls_set()
        return client
