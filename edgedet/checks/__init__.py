"""What is wrong with a labelled data set, all of it at once, before anything is trained."""
