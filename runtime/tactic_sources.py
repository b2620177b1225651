"""Kernels of cuDNN and cuBLAS among those that TensorRT tries: a small board does without.

Each of these libraries takes hundreds of MB when it starts, in the build and wherever the engine
runs that uses it. TensorRT before 10 starts both; from 10 on they are off, and 11 has none.
"""

from typing import Any, List

LIBRARIES = ("CUBLAS", "CUBLAS_LT", "CUDNN")
"""As `TacticSource` names them."""


def tries_libraries(trt: Any) -> bool:
    """Whether this TensorRT can be kept from trying their kernels."""
    sources = getattr(trt, "TacticSource", None)
    has_call = hasattr(trt.IBuilderConfig, "set_tactic_sources")
    return has_call and any(hasattr(sources, name) for name in LIBRARIES)


def leave_out_libraries(trt: Any, config: Any) -> List[str]:
    """Have the builder leave them out; return the names of those that it would have tried."""
    before = config.get_tactic_sources()
    names = [name for name in LIBRARIES if before & _bit(trt, name)]
    config.set_tactic_sources(before & ~_bits(trt, names))
    return names


def try_libraries(trt: Any, config: Any, names: List[str]) -> None:
    """Take back what `leave_out_libraries` did."""
    config.set_tactic_sources(config.get_tactic_sources() | _bits(trt, names))


def _bits(trt: Any, names: List[str]) -> int:
    return sum(_bit(trt, name) for name in names)


def _bit(trt: Any, name: str) -> int:
    source = getattr(trt.TacticSource, name, None)
    return 0 if source is None else 1 << int(source)
