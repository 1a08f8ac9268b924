"""Contains the tensorflow_datasets builders for the records of
`jaxseg.data.datasets`.
"""
