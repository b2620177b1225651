"""Experiments of a document on any data: named variants, seeds, a store, and tables."""
