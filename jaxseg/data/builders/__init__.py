"""Contains the builders of tensorflow_datasets that prepare the data of all datasets.

The modules of `jaxseg.data.datasets` describe these datasets.
"""
