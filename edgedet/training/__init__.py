"""One loop that trains every model, and the files that it leaves."""
