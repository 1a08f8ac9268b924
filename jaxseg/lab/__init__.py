"""Provides the tools of the command `jaxseg lab`, which analyze rates and networks."""
