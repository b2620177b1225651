"""Quantisation-aware training: weights that learn to live with the rounding of INT8."""
