"""Provides the tools of `jaxseg lab`, which study atrous rates and networks."""
