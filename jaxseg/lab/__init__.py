"""Provides the tools of `jaxseg lab`, which analyze atrous rates and networks."""
