"""What is behind `jaxseg plan`: programs compiled for devices that are absent."""
