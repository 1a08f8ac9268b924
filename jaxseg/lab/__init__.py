"""What is behind `jaxseg lab`: tools that study atrous rates and networks."""
