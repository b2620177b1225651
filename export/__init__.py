"""From a trained model to the files that a device runs."""
