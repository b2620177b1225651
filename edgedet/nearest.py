"""What the user probably meant; the device asks it too, so it lives in the runtime."""

from edgedet.runtime.nearest import check_name, nearest_name, unknown_name

__all__ = ["check_name", "nearest_name", "unknown_name"]
