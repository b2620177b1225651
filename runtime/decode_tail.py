"""The part of a detector behind its last learned operator: where FP16 costs boxes.

FP16 has 11 bits: from 512 pixels on a coordinate moves in steps of half a pixel, from 1024 of a
whole one. What turns the head's numbers into boxes and scores is less than a thousandth of the
work, so it stays in FP32. The rule needs no names of ours: it holds for a foreign graph as well.
"""

from typing import NamedTuple, Sequence, Set, Tuple


class Step(NamedTuple):
    """One node of an ONNX graph or one layer of a TensorRT network."""

    learned: bool
    """Has weights: a convolution or a matrix product."""
    moves: bool
    """Moves values and changes none: a reshape, transpose, slice or concatenation."""
    inputs: Tuple[str, ...]
    """Names of the tensors that it reads."""
    outputs: Tuple[str, ...]


def decode_tail(steps: Sequence[Step]) -> Set[int]:
    """Return the indices of the steps to keep in FP32; `steps` in the order of execution.

    These are all that no learned step depends on, but for the moves that come straight after
    learned ones: they are exact in FP16 and half the memory.
    """
    tail = behind_learned(steps)
    computed = {name for step in steps if step.inputs for name in step.outputs}
    exact: Set[str] = set()
    for index, step in enumerate(steps):
        reads = computed.intersection(step.inputs)  # the rest are constants, such as a shape
        if index not in tail or (step.moves and reads and reads <= exact):
            tail.discard(index)
            exact.update(step.outputs)
    return tail


def behind_learned(steps: Sequence[Step]) -> Set[int]:
    """Return the steps from which no learned step is reached."""
    feeds_learned: Set[str] = set()
    tail = set()
    for index in range(len(steps) - 1, -1, -1):
        step = steps[index]
        if step.learned or feeds_learned.intersection(step.outputs):
            feeds_learned.update(step.inputs)
        else:
            tail.add(index)
    return tail
