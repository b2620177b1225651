"""INT8 with an accuracy gate: what it costs is measured, repaired, and refused when too much."""
