"""Fit a detector to its objects, then fit the model to its device."""

__version__ = "0.1.0"
