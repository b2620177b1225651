"""Events to an MQTT broker, by Eclipse Paho."""

import json
import time
from typing import Any, Optional, Tuple
from urllib.parse import unquote

from ..errors import UsageError
from ..lazy import require
from .event_queue import Event, EventTarget
from .webhook import parsed_url

PLAIN_PORT, TLS_PORT = 1883, 8883
TAKEN_S = 5.0
KEEPALIVE_S = 30
INSTALL = "install it: pip install paho-mqtt"


class Mqtt(EventTarget):
    """Publishes with QoS 1: an event is sent until the broker says that it has it."""

    def __init__(self, url: str) -> None:
        """url: `mqtt://user:password@host:1883/topic`, or mqtts. Connects at the first event.

        UsageError for another form, DeviceError where Paho is not installed.
        """
        parts = parsed_url(url)
        if parts is None or parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise UsageError("a broker like mqtt://host/topic", "another form", "correct it")
        self._topic = unquote(parts.path.lstrip("/"))
        if not self._topic:
            raise UsageError("a broker like mqtt://host/topic", "one without topic", "correct it")
        if "+" in self._topic or "#" in self._topic:
            raise UsageError("a topic without + and #", repr(self._topic), "name one topic")
        self.name = "MQTT {}".format(parts.hostname)
        self._tls = parts.scheme == "mqtts"
        self._answer = ""
        """Of the broker, where it let us not in."""
        self._host: str = parts.hostname
        self._port = parts.port or (TLS_PORT if self._tls else PLAIN_PORT)
        self._client = self._made()
        if parts.username is not None:
            password = None if parts.password is None else unquote(parts.password)
            self._client.username_pw_set(unquote(parts.username), password)
        self._started = False
        self._pending: Optional[Tuple[Event, Any]] = None

    def send(self, event: Event) -> None:
        """Publish the event; OSError when the broker has not taken it within some seconds."""
        if not self._started:
            self._client.connect(self._host, self._port, KEEPALIVE_S)
            self._client.loop_start()  # it connects again by itself from here on
            self._started = True
        if self._pending is None or self._pending[0] is not event:
            self._pending = (event, self._published(event))
        message = self._pending[1]
        try:
            message.wait_for_publish(TAKEN_S)
            taken = message.is_published()
        except (RuntimeError, ValueError) as error:
            self._pending = None
            raise OSError(str(error)) from error
        if not taken:
            raise OSError("the broker has not taken it within {:.0f} s".format(TAKEN_S))
        self._pending = None

    def _published(self, event: Event) -> Any:
        """Hand the event to Paho; not while it has no broker, or its own queue would grow."""
        deadline_s = time.monotonic() + TAKEN_S
        while not self._client.is_connected():
            if time.monotonic() >= deadline_s:
                raise OSError(self._answer or "no connection to the broker")
            time.sleep(0.05)
        return self._client.publish(self._topic, json.dumps(event, allow_nan=False), qos=1)

    def close(self) -> None:
        """Leave the broker."""
        if self._started:
            self._started = False
            self._client.loop_stop()
            self._client.disconnect()

    def _made(self) -> Any:
        paho = require("paho.mqtt.client", INSTALL)
        versions = getattr(paho, "CallbackAPIVersion", None)  # since 2.0, where it must be said
        client = paho.Client() if versions is None else paho.Client(versions.VERSION2)
        if self._tls:
            client.tls_set()

        def connected(*heard: Any) -> None:
            # Client, userdata, flags, reason; before 2.0 the reason is a number.
            reason = heard[3]
            text = paho.connack_string(reason) if isinstance(reason, int) else str(reason)
            self._answer = "" if reason == 0 else "the broker says: {}".format(text)

        client.on_connect = connected
        return client
