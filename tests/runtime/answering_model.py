"""The smallest model, with its own answers in the file, as `edgedet export` leaves it."""

from engine_machine import ONNX

from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.model_reference import REFERENCE_KEY, reference_of


def answering_model(folder):
    """Return its file."""
    with OnnxRuntimeBackend(ONNX) as backend:
        return with_answers(folder, reference_of(backend))


def with_answers(folder, text):
    """Return a file with any text in the place of the answers."""
    target = folder / "answering.onnx"
    # Protobuf: what follows a message is read as more of it. Field 14 is metadata_props.
    entry = _field(1, REFERENCE_KEY.encode("ascii")) + _field(2, text.encode("ascii"))
    target.write_bytes(ONNX.read_bytes() + _field(14, entry))
    return target


def _field(number, content):
    length, left = b"", len(content)
    while left > 127:
        length += bytes([left & 127 | 128])
        left >>= 7
    return bytes([number << 3 | 2]) + length + bytes([left]) + content
