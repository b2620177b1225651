"""Where what a camera saw goes, besides a window and a page: files, events, numbers."""
