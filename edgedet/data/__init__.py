"""Labelled images of every format in one in-memory form."""
