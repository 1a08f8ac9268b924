"""The run directory as data: configuration, dataset record, pretrained start."""
