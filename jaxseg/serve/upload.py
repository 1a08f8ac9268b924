"""Receives a request: an image as the whole body, or a form with an image and fields.

The image is stored as a file in a temporary folder until the request is answered. This
is because the reader of jaxseg reads files, and because waiting uploads then take no
memory.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message, Receive

from jaxseg.serve.refusal import Refusal
from jaxseg.text import near, printable

NPY = b"\x93NUMPY"  # The first bytes of a NumPy array.
FIELDS = 64  # The largest number of fields of a form.
DISCARDED = 16  # Of a request that is too large, this many times the limit is read.


@dataclasses.dataclass(frozen=True)
class Upload:
    """Contains a received request.

    Attributes:
      files: The path of each file, by the name of its field. A file that is the whole
        body has the name "image".
      names: The name that each file has on the machine of the client, for messages.
      values: The values of the query and of the fields that are not files, by name.
    """

    files: Mapping[str, Path]
    names: Mapping[str, str]
    values: Mapping[str, str]

    def remove(self) -> None:
        """Deletes the stored files of the request."""
        for path in self.files.values():
            path.unlink(missing_ok=True)


async def receive_upload(
    request: Request, folder: Path, *, max_bytes: int, files: tuple[str, ...]
) -> Upload:
    """Receives an HTTP request, stores its files in a folder, and returns the upload.

    Args:
      request: The HTTP request.
      folder: The folder in which the files are stored.
      max_bytes: The largest number of bytes of the body.
      files: The names of the fields that can be files. The first one is required.

    Raises:
      Refusal: If the body is too large, the form is damaged, or a field is unknown.
    """
    whole = await _limited(request, max_bytes)
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    found = Upload({}, {}, dict(request.query_params))
    try:
        if kind == "multipart/form-data":
            await _receive_form(whole, folder, found, files)
        else:
            await _receive_body(whole, folder, found, files[0])
        if files[0] not in found.files:
            raise Refusal(
                400,
                f"{files[0]} is missing: expected an image file. Send it as the field "
                f"{files[0]!r} of a form, or as the whole body.",
            )
    except BaseException:
        found.remove()
        raise
    return found


async def _limited(request: Request, max_bytes: int) -> Request:
    """Returns the request with a body that raises Refusal beyond a number of bytes.

    The rest of a body that is too large is read and discarded, because many clients
    read the answer only after they have sent everything.
    """
    count = 0

    async def receive() -> Message:
        nonlocal count
        message = await request.receive()
        count += len(message.get("body", b""))
        if count > max_bytes:
            await _discard(request.receive, message, (DISCARDED - 1) * max_bytes)
            raise _too_large(max_bytes)
        return message

    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > max_bytes:
        await _discard(request.receive, None, DISCARDED * max_bytes)
        raise _too_large(max_bytes)
    return Request(request.scope, receive)


def _too_large(max_bytes: int) -> Refusal:
    return Refusal(
        413,
        f"The request is too large: expected at most {max_bytes} bytes. Send a smaller "
        "file, or start the server with a larger --max-bytes.",
    )


async def _discard(receive: Receive, message: Message | None, limit: int) -> None:
    left = limit
    while left > 0 and (message is None or message.get("more_body", False)):
        message = await receive()
        left -= len(message.get("body", b""))


async def _receive_form(
    request: Request, folder: Path, found: Upload, files: tuple[str, ...]
) -> None:
    try:
        form = await request.form(max_files=len(files) + 1, max_fields=FIELDS)
    except (MultiPartException, HTTPException, KeyError) as error:
        reason = getattr(error, "detail", None) or getattr(error, "message", "")
        text = f"The form in the request is malformed ({printable(reason)})."
        raise Refusal(400, text) from error
    try:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                if name not in files or name in found.files:
                    raise Refusal(400, _wrong_file(name, files, name in found.files))
                found.files[name] = await _stored(value.file, folder)
                found.names[name] = value.filename or name
            else:
                found.values[name] = value
    finally:
        await form.close()


def _wrong_file(name: str, files: tuple[str, ...], repeated: bool) -> str:
    if repeated:
        return f"{name} is invalid: expected one file. Send one request for each image."
    return f"The file {printable(name)!r} is invalid{near(name, files)}"


async def _receive_body(
    request: Request, folder: Path, found: Upload, name: str
) -> None:
    with tempfile.SpooledTemporaryFile(max_size=2**20) as file:
        async for part in request.stream():
            file.write(part)
        if file.tell():
            found.files[name] = await _stored(file, folder)
            found.names[name] = name


async def _stored(file: BinaryIO, folder: Path) -> Path:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, functools.partial(_store, file, folder))


def _store(file: BinaryIO, folder: Path) -> Path:
    """Copies a file. Only the suffix .npy matters to the reader of image files."""
    file.seek(0)
    suffix = ".npy" if file.read(len(NPY)) == NPY else ""
    file.seek(0)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=suffix, delete=False) as target:
        shutil.copyfileobj(file, target)
    return Path(target.name)
