"""Detectors behind one protocol: `spec`, `loss`, `predict`."""
