"""INT8 calibration: which images, what is seen on them, and the scale of each tensor."""
