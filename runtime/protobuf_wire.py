"""The fields of a protobuf message, read without its schema.

Enough to describe an ONNX file where there is no `onnx` package, as on a device. Source:
protobuf.dev/programming-guides/encoding.
"""

from typing import Dict, Iterator, List, Tuple, Union

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
VARINT_MAX_BYTES = 10


class WireError(ValueError):
    """The bytes are no protobuf message."""


class Message:
    """One message: its fields by number, in the order of the file."""

    def __init__(self, data: memoryview) -> None:
        """WireError when `data` ends inside a field or has a field that cannot be."""
        self._fields: Dict[int, List[Union[int, memoryview]]] = {}
        for number, value in _fields(data):
            self._fields.setdefault(number, []).append(value)

    def numbers(self, number: int) -> List[int]:
        """Return the integers of a field, which has 64 bits and a sign; packed ones unpacked."""
        found: List[int] = []
        for value in self._fields.get(number, ()):
            found += [value] if isinstance(value, int) else _packed(value)
        return [_signed(value) for value in found]

    def number(self, number: int) -> int:
        """Return the integer of a field, 0 when it is absent."""
        return next(reversed(self.numbers(number)), 0)

    def messages(self, number: int) -> "List[Message]":
        """Return the messages of a field."""
        return [Message(value) for value in self._bytes(number)]

    def texts(self, number: int) -> List[str]:
        """Return the strings of a field."""
        try:
            return [bytes(value).decode("utf-8") for value in self._bytes(number)]
        except UnicodeDecodeError as error:
            raise WireError("text that is not UTF-8") from error

    def text(self, number: int) -> str:
        """Return the string of a field, empty when it is absent."""
        return next(reversed(self.texts(number)), "")

    def has(self, number: int) -> bool:
        """Whether the field is there."""
        return number in self._fields

    def _bytes(self, number: int) -> List[memoryview]:
        values = self._fields.get(number, [])
        found = [value for value in values if isinstance(value, memoryview)]
        if len(found) != len(values):
            raise WireError("field {} is a number".format(number))
        return found


def _fields(data: memoryview) -> Iterator[Tuple[int, Union[int, memoryview]]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        length, at = _length(data, at, wire)
        if number == 0 or at + length > len(data):
            raise WireError("a field that is cut short")
        yield number, data[at : at + length]
        at += length


def _length(data: memoryview, at: int, wire: int) -> Tuple[int, int]:
    """Return the bytes of a field's value, and where they begin."""
    if wire == BYTES:
        return _varint(data, at)
    fixed = {FIXED64: 8, FIXED32: 4}
    if wire not in fixed:
        raise WireError("wire type {}".format(wire))
    return fixed[wire], at


def _varint(data: memoryview, at: int) -> Tuple[int, int]:
    """Return the number at `at`, least significant seven bits first, and where it ends."""
    value = 0
    for index, byte in enumerate(data[at : at + VARINT_MAX_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise WireError("a number without an end")


def _signed(value: int) -> int:
    """Return what the low 64 bits say in two's complement."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _packed(data: memoryview) -> List[int]:
    values, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values
