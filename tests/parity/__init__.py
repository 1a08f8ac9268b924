"""Networks of PyTorch libraries against ours, under random weights."""
