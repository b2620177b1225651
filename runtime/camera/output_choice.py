"""The outputs that the settings ask for."""

from pathlib import Path
from typing import List, Optional

from ..outputs.event_queue import EventQueue, EventTarget
from ..outputs.events import Events, event_line
from ..outputs.json_lines import JsonFile, JsonLines
from ..outputs.kept_folder import KeptFolder
from ..outputs.mqtt import Mqtt
from ..outputs.presence import Presence
from ..outputs.recording import Recorder, RecordingRules
from ..outputs.snapshots import Snapshots
from ..outputs.webhook import Webhook
from ..web.options import WebOptions, parse_listen
from ..web.server import WebServer
from .console import Console
from .output import Output
from .scene import Scene
from .settings import CameraSettings

MEGABYTE = 1000 * 1000
RECORDINGS = "recordings"
"""Folder of what the web page starts to record, where the user names none."""


def chosen_outputs(settings: CameraSettings, scene: Scene) -> List[Output]:
    """Return the outputs, open; a window is none of them, for it belongs to the main thread.

    Raises UsageError and DeviceError for what cannot be opened, after closing the rest.
    """
    outputs: List[Output] = []
    try:
        for made in (_lines, _page, _recorder, _events):
            output = made(settings, scene)
            if output is not None:
                outputs.append(output)
    except BaseException:
        for output in outputs:
            output.close()
        raise
    return outputs


def _lines(settings: CameraSettings, scene: Scene) -> Output:
    """What stdout gets: JSON, or a line a second; or a file of JSON."""
    if isinstance(settings.json, str):
        return JsonFile(Path(settings.json), scene.class_names)
    if settings.json:
        return JsonLines(scene.write, scene.class_names)
    return Console(scene.cameras, scene.class_names, lambda line: scene.write(line + "\n"))


def _page(settings: CameraSettings, scene: Scene) -> Optional[Output]:
    if not settings.serve:
        return None
    host, port = parse_listen(settings.listen)
    options = WebOptions(host, port, settings.token or "", can_record=True)
    known = (scene.cameras, scene.class_names, scene.controls, scene.paint)
    server = WebServer(options, *known)
    scene.tell("open {}".format(_way_in(server, settings)))
    return server


def _way_in(server: WebServer, settings: CameraSettings) -> str:
    """Return the page's address; a token that the user chose is known, and no secret for a log."""
    if settings.token is None:
        return server.link
    return "{}?token=TOKEN, with the token of the settings".format(server.address)


def _recorder(settings: CameraSettings, scene: Scene) -> Optional[Output]:
    if settings.record is None and not settings.serve:
        return None
    folder = Path(settings.record or RECORDINGS)
    budget_bytes = int(settings.budget_mb * MEGABYTE)
    rules = RecordingRules(folder, settings.segment_s, budget_bytes)
    if settings.record is not None:
        KeptFolder(folder, budget_bytes)  # one that cannot be had is told now, not in the log
    return Recorder(rules, scene.controls, scene.paint)


def _events(settings: CameraSettings, scene: Scene) -> Optional[Output]:
    if not settings.on:
        return None
    presence = Presence(settings.on, scene.class_names)
    targets: List[EventTarget] = []
    if settings.webhook is not None:
        targets.append(Webhook(settings.webhook))
    if settings.mqtt is not None:
        targets.append(Mqtt(settings.mqtt))
    snapshots = None
    if settings.snapshots is not None:
        folder = KeptFolder(Path(settings.snapshots), int(settings.budget_mb * MEGABYTE))
        snapshots = Snapshots(folder, scene.paint)
    queues = [EventQueue(target) for target in targets]
    return Events(
        presence, scene.class_names, queues, snapshots, lambda event: scene.tell(event_line(event))
    )
