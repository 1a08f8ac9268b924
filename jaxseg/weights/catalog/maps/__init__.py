"""Contains the import tables: rules that map PyTorch tensor names to variables.

There is one module for each kind of checkpoint, such as the ResNets of torchvision.
"""
