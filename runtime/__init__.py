"""What runs on the device: Python 3.6, numpy, and one backend."""
