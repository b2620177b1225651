"""Cameras, live: from a lens to what was found, for days."""
