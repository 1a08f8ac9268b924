"""Files and folders: complete or absent, whoever writes or dies."""
