"""Detectors that others trained: from their raw outputs to ours."""
