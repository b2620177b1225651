"""The sizes of the objects of a data set, and the detector that is fitted to them."""
