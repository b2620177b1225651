"""INT8 calibration. Nothing lives here yet: see docs/status.md for what edgedet can do today."""
