"""Parses addresses of folders in buckets, such as gs://bucket/run or s3://bucket/run."""

from __future__ import annotations

import dataclasses
import os
import re

# The package that reads buckets with this scheme, which is also that of the extra.
PACKAGES = {"gs": "gcsfs", "s3": "s3fs"}
EXTRAS = {"gs": "gcs", "s3": "s3"}
_FORM = re.compile(r"(?P<scheme>gs|s3)://(?P<bucket>[a-z0-9][a-z0-9._-]+)(?P<rest>.*)")


@dataclasses.dataclass(frozen=True)
class Address:
    """Names a folder in a bucket.

    Attributes:
      scheme: "gs" for Google Cloud Storage, "s3" for Amazon S3 and compatible servers.
      bucket: The name of the bucket.
      folder: The path of the folder in the bucket, without slashes at its ends.
    """

    scheme: str
    bucket: str
    folder: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.folder}"

    @property
    def name(self) -> str:
        """Returns the last component of the path of the folder."""
        return self.folder.rpartition("/")[2]


def is_address(text: str | os.PathLike) -> bool:
    """Returns whether a text is an address in a bucket and not a local path.

    >>> is_address("gs://bucket/run"), is_address("s3://bucket/run"), is_address("run")
    (True, True, False)
    """
    return isinstance(text, str) and text.startswith(("gs://", "s3://"))


def parse_address(option: str, text: str) -> Address:
    """Parses the address of a folder in a bucket.

    Args:
      option: The option that contains the address, for error messages.
      text: The address, such as gs://bucket/runs/first.

    Raises:
      ValueError: If the bucket or the folder is missing or its name is not allowed.

    >>> parse_address("workdir", "gs://bucket/runs/first/")
    Address(scheme='gs', bucket='bucket', folder='runs/first')
    """
    found = _FORM.fullmatch(text)
    parts = found["rest"].strip("/").split("/") if found else [""]
    if (
        found is None
        or not found["rest"].startswith("/")
        or not all(map(_valid, parts))
    ):
        raise ValueError(
            f"{option}={text!r} is invalid: expected SCHEME://BUCKET/FOLDER with the "
            "scheme gs or s3, such as gs://bucket/runs/first. Folder names can contain "
            "only letters, digits and the characters '._-=+@,'."
        )
    return Address(found["scheme"], found["bucket"], "/".join(parts))


def _valid(name: str) -> bool:
    """Returns whether a folder can have this name in a bucket and on a local disk."""
    return bool(re.fullmatch(r"[\w.=+@,-]+", name)) and name.strip(".") != ""
