"""The verbs of the command line, one file each; heavy imports inside the verb."""
