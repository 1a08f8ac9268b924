"""Training: the step, the devices it runs on, the loop around it."""
