"""How good a detector is, measured through the runtime."""
