"""Studies atrous convolution: receptive fields, gridding and the choice of rates."""
