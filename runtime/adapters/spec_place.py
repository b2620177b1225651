"""Where the spec file of a foreign model is; nothing else, so that it costs no numpy."""

from pathlib import Path

SUFFIX = ".edgedet.json"


def spec_file_of(model: Path) -> Path:
    """`model.edgedet.json` beside `model.onnx`."""
    return model.with_suffix(SUFFIX)
