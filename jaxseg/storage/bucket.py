"""Reads and writes the objects of a folder in a bucket.

An object store cannot rename a folder or append to a file. `Bucket` therefore has only
operations that the store performs as a whole: it reads, replaces, lists and deletes
objects, and creates an object unless it exists.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jaxseg.storage import media
from jaxseg.storage.address import EXTRAS, PACKAGES, Address
from jaxseg.storage.retrying import DEFAULT, Patience, StorageError, retried

THREADS = 8  # transfers at the same time
_SIGN_IN = {
    "gs": "Run `gcloud auth application-default login` or set "
    "GOOGLE_APPLICATION_CREDENTIALS.",
    "s3": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
}
_DENIED = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Forbidden")


class Bucket:
    """Gives access to the objects whose names begin with the path of one folder.

    All names are relative to this folder. Failing requests are repeated. If that does
    not help, the methods raise StorageError.

    Args:
      address: The folder.
      filesystem: The file system of fsspec that sends the requests.
      patience: How long, and with which pauses, a failing request is repeated.
    """

    def __init__(
        self, address: Address, filesystem: Any, *, patience: Patience = DEFAULT
    ) -> None:
        self.address = address
        self._files = filesystem
        self._patience = patience

    def read(self, name: str) -> bytes | None:
        """Returns the content of an object, or None if there is no such object."""
        with contextlib.suppress(FileNotFoundError):
            return self._call(lambda: self._files.cat_file(self._key(name)), name)
        return None

    def write(self, name: str, data: bytes) -> None:
        """Writes an object with one request, which replaces any earlier content."""
        if data.endswith(b"\r") and hasattr(self._files, "call"):
            self._send(name, data)
        else:
            self._call(lambda: self._files.pipe_file(self._key(name), data), name)

    def create(self, name: str, data: bytes) -> bool:
        """Creates an object unless it exists.

        If several processes create it at once, the storage service lets one succeed.

        Args:
          name: The name of the object.
          data: The content. It must differ from what other processes write, because
            this method recognizes its own object by the content.

        Returns:
          Whether this call has created the object.
        """
        create = lambda: self._files.pipe_file(self._key(name), data, mode="create")
        try:
            self._call(create, name)
        except FileExistsError:
            # The answer to an earlier attempt that had succeeded may have been lost.
            return self.read(name) == data
        return True

    def upload(self, name: str, path: Path) -> None:
        """Writes an object with the content of a local file.

        Raises:
          FileNotFoundError: If the local file does not exist.
        """
        os.stat(path)
        if hasattr(self._files, "call") and media.ends_badly(path):
            self._send(name, path.read_bytes())
        else:
            self._call(lambda: self._files.put_file(str(path), self._key(name)), name)

    def download(self, name: str, path: Path) -> None:
        """Writes the content of an object to a local file, but not atomically.

        Raises:
          FileNotFoundError: If there is no such object.
        """
        self._call(lambda: self._files.get_file(self._key(name), str(path)), name)

    def sizes(self, begin: str = "") -> dict[str, int]:
        """Returns a dictionary from the name of each object below a folder to its size.

        The size is a number of bytes.

        Args:
          begin: The path of the folder, relative to the folder of this `Bucket`. By
            default all objects are listed.
        """
        root = self._key(begin).rstrip("/")
        listed = lambda: self._files.find(root, detail=True)
        try:
            found = self._call(listed, begin)
        except FileNotFoundError:
            return {}
        cut = len(self._key("").lstrip("/"))
        return {
            key.lstrip("/")[cut:]: int(about["size"])
            for key, about in sorted(found.items())
            if about["type"] == "file" and key.lstrip("/") != root.lstrip("/")
        }

    def delete(self, names: Iterable[str]) -> None:
        """Deletes objects. Some of them may already be missing."""
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                self._call(lambda name=name: self._files.rm_file(self._key(name)), name)

    def first(self) -> None:
        """Sends one request that lists a single object, to check the access.

        Raises:
          FileNotFoundError: If the bucket does not exist.
        """
        self._call(functools.partial(_list_one, self._files, self.address), "")

    def _send(self, name: str, data: bytes) -> None:
        bucket, _, whole = self._key(name).partition("/")
        self._call(lambda: media.send(self._files, bucket, whole, data), name)

    def _key(self, name: str) -> str:
        return f"{self.address.bucket}/{self.address.folder}/{name}"

    def _call(self, request: Callable[[], Any], name: str) -> Any:
        whole = f"{self.address}/{name}".rstrip("/")
        try:
            return retried(
                request,
                patience=self._patience,
                final=(FileNotFoundError, FileExistsError),
                reason=functools.partial(_permanent, scheme=self.address.scheme),
            )
        except StorageError as error:
            raise StorageError(f"{whole} cannot be used: {error}") from error


@contextlib.contextmanager
def transfers() -> Iterator[Callable[..., None]]:
    """Returns a context manager that runs transfers in several threads.

    When the block ends, all transfers have ended.

    Yields:
      A function `start(function, *arguments)`. It calls `function(*arguments)` in one
      of the threads.

    Raises:
      Exception: The first error of a transfer.
    """
    with ThreadPoolExecutor(THREADS, thread_name_prefix="transfer") as pool:
        started = []
        try:
            yield lambda call, *arguments: started.append(pool.submit(call, *arguments))
            for future in started:
                future.result()
        finally:
            for future in started:
                future.cancel()


def inside(folder: Path, name: str) -> Path:
    """Returns the path of a local copy of an object.

    Args:
      folder: The local folder of the copies.
      name: The name of the object, which comes from a bucket that others may write.

    Raises:
      StorageError: If the path would be outside the folder.

    >>> inside(Path("run"), "overlays/1.png").as_posix()
    'run/overlays/1.png'
    """
    if any(part in ("", ".", "..") for part in name.split("/")):
        raise StorageError(
            f"the object {name!r} cannot be downloaded: expected a name whose parts "
            "between slashes are not empty and not '.' or '..'"
        )
    return folder / name


def open_bucket(
    option: str, address: Address, *, patience: Patience = DEFAULT
) -> Bucket:
    """Opens a folder of a bucket, and checks that the bucket can be listed.

    Emulators and compatible services are selected by the environment variables
    STORAGE_EMULATOR_HOST for gs:// and AWS_ENDPOINT_URL for s3://.

    Args:
      option: The option that contains the address, for error messages.
      address: The folder, which may contain no object yet.
      patience: How long, and with which pauses, a failing request is repeated.

    Raises:
      ValueError: If the package for the scheme is missing, if there is no such bucket,
        or if credentials or permissions are missing.
    """
    package, extra = PACKAGES[address.scheme], EXTRAS[address.scheme]
    try:
        # The package itself exports a class that also opens connections by gRPC.
        library = importlib.import_module(f"{package}.core")
    except ImportError as error:
        raise ValueError(
            f"{option}={str(address)!r} is invalid: expected the package {package}, "
            f"which reads {address.scheme}:// ({error}). Run `pip install "
            f"'jaxseg[{extra}]'`."
        ) from error
    for name in (package, "aiobotocore", "botocore"):  # One line replaces tracebacks.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    options = {"skip_instance_cache": True, "use_listings_cache": False}
    if address.scheme == "gs":
        if os.environ.get("STORAGE_EMULATOR_HOST"):
            options["token"] = "anon"
        files = library.GCSFileSystem(**options)
    else:
        files = library.S3FileSystem(**options)
    bucket = Bucket(address, files, patience=patience)
    try:
        bucket.first()
    except FileNotFoundError as error:
        raise ValueError(
            f"{option}={str(address)!r} is invalid: expected an existing bucket, but "
            f"{address.bucket!r} was not found. Create it first."
        ) from error
    except StorageError as error:
        raise ValueError(f"{option}={str(address)!r} is invalid: {error}") from error
    return bucket


def _list_one(files: Any, address: Address) -> None:
    """Lists one object, because a list is refused if the bucket does not exist."""
    if not hasattr(files, "call_s3") and not hasattr(files, "call"):
        return  # a file system without buckets
    if address.scheme == "gs":
        files.call("GET", "b/{}/o", address.bucket, maxResults=1, json_out=True)
    else:
        files.call_s3("list_objects_v2", Bucket=address.bucket, MaxKeys=1)


def _permanent(error: BaseException, *, scheme: str) -> str | None:
    """Returns why an error is permanent, or None if a repetition can succeed."""
    kind, text = type(error).__name__, (str(error).splitlines() or [""])[0]
    denied = isinstance(error, PermissionError) or any(w in text for w in _DENIED)
    code = getattr(error, "code", None)
    unsigned = kind in ("NoCredentialsError", "DefaultCredentialsError")
    if denied or unsigned or code in (401, 403):
        return f"access was denied ({kind}: {text}). {_SIGN_IN[scheme]}"
    if isinstance(error, ValueError | TypeError | NotADirectoryError):
        return f"the request is not valid ({kind}: {text})"
    if isinstance(error, OSError) and error.filename is not None:  # a local file
        return f"{kind}: {text}"
    return None
