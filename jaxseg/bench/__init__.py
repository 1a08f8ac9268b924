"""What is behind `jaxseg bench`: operators and networks timed beside PyTorch."""
