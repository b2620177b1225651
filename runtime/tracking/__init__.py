"""What frames say together: tracks, zones, tiles."""
