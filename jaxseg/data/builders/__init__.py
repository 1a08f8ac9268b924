"""Builders of tensorflow_datasets for the records of `jaxseg.data.datasets`."""
