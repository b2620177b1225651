"""What a bundle sees live: cameras, streams or videos."""

from argparse import Namespace
from typing import Any, Dict

from .bundle_choice import choose, open_choice, wish_of
from .bundle_file import Bundle
from .camera.run import run_cameras
from .camera.settings import CameraSettings, merged_settings, read_settings
from .outputs.log_form import logged_as


def camera(bundle: Bundle, arguments: Namespace) -> str:
    """Look at the cameras until they end, or Ctrl-C, or q in the window; return nothing to say."""
    values = {} if arguments.config is None else read_settings(arguments.config)
    settings = merged_settings(values, _given(arguments))
    wish = wish_of(arguments)._replace(threads=settings.threads)
    thresholds = {"conf": settings.conf, "iou": settings.iou}
    with logged_as(settings.log):
        choice = choose(bundle, wish)
        with open_choice(bundle, choice, wish, **thresholds) as detector:
            run_cameras(settings, detector)
    return ""


def _given(arguments: Namespace) -> Dict[str, Any]:
    """The flags that are settings and were given."""
    known = CameraSettings()._asdict()
    flags = {name: value for name, value in vars(arguments).items() if name in known}
    return {
        name: value for name, value in flags.items() if value is not None and value is not False
    }
