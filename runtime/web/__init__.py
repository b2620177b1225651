"""The web page of a running camera."""
