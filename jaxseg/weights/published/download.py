"""Downloads published weights once, and refuses files whose content has changed.

A file is kept in `folder()`. After a download, its SHA-256 digest is compared with
three values, if they exist: the first digits of the digest in its description
(`Entry`), the digest that the Hugging Face hub sends with the file, and the digest of
the first download (`pin`). Every later use compares the kept file with the pin.
"""

import hashlib
import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from jaxseg.storage import atomic
from jaxseg.storage.json_file import write_json
from jaxseg.text import printable
from jaxseg.weights.published.entry import Entry

TIMEOUT = 10  # seconds within which a server must answer
_CHUNK = 2**20  # Memory stays small, and there are few calls.
_SHORTEST = 2**10  # bytes; a shorter file is an error page, not weights


def folder() -> Path:
    """Returns the folder in which downloaded weights are kept.

    The environment variable JAXSEG_WEIGHTS selects it. By default, it is
    `jaxseg/weights` in the user's cache folder (XDG_CACHE_HOME or ~/.cache).
    """
    chosen = os.environ.get("JAXSEG_WEIGHTS")
    if chosen:
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "jaxseg" / "weights"


def fetch(entry: Entry) -> str:
    """Returns the local path of a file of weights, and downloads it at first use.

    The first use prints the source and the license to standard error.

    Args:
      entry: The description of the file.

    Raises:
      ValueError: If the file cannot be downloaded, or its content is not the expected
        content. The message has one line.
    """
    path = folder() / entry.name / entry.file
    pinned = _read_pin(path)
    if path.is_file():
        _compare(entry, _digest(path), pinned, str(path))
        return str(path)
    address = web_address(entry.url)
    print(
        f"{entry.name}: downloading {address} (license: {entry.license})",
        file=sys.stderr,
    )
    with atomic.replacing(path) as temporary:
        received = _download(entry, address, temporary)
        found = _digest(temporary)
        _compare(entry, found, pinned, address)
        stated = received.get("digest", "")
        if stated and stated != found:
            raise ValueError(_changed(entry, address, found, "the hub", stated))
        pin = {"sha256": found, "url": entry.url, "commit": received.get("commit", "")}
        write_json(_pin(path), pin)
    return str(path)


def web_address(url: str) -> str:
    """Returns the https address of a file.

    >>> web_address("hf://timm/resnet50.a1_in1k@main/model.safetensors")
    'https://huggingface.co/timm/resnet50.a1_in1k/resolve/main/model.safetensors'

    Args:
      url: An https address, which is returned unchanged, or an address
        "hf://org/name@revision/file" of the Hugging Face hub. The environment variable
        HF_ENDPOINT replaces the server https://huggingface.co, as it does in the
        library huggingface_hub.
    """
    if not url.startswith("hf://"):
        return url
    owner, name, file = url.removeprefix("hf://").split("/", 2)
    name, _, revision = name.partition("@")
    server = (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
    return f"{server}/{owner}/{name}/resolve/{revision or 'main'}/{file}"


class _Headers(urllib.request.HTTPRedirectHandler):
    """Keeps the digest and the commit that the hub sends before it redirects."""

    def __init__(self):
        self.found: dict[str, str] = {}

    def keep(self, headers: Any) -> None:
        tag = (headers.get("X-Linked-Etag") or "").strip('W/"').lower()
        if len(tag) == 64:  # A SHA-256 digest; small files have a shorter one of git.
            self.found["digest"] = tag
        if headers.get("X-Repo-Commit"):
            self.found["commit"] = headers["X-Repo-Commit"]

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        self.keep(headers)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _download(entry: Entry, address: str, target: Path) -> dict[str, str]:
    """Writes the file to `target`; returns the digest and the commit that were sent."""
    headers = _Headers()
    opener = urllib.request.build_opener(headers)
    request = urllib.request.Request(address, headers={"User-Agent": "jaxseg"})
    try:
        with opener.open(request, timeout=TIMEOUT) as answer, target.open("wb") as file:
            headers.keep(answer.headers)
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
            expected = int(answer.headers.get("Content-Length") or _SHORTEST)
    except urllib.error.HTTPError as error:
        raise ValueError(
            f"{entry.name} cannot be downloaded: {address} answers {error.code} "
            f"({printable(error.reason)})."
        ) from error
    except OSError as error:  # also urllib.error.URLError and a broken connection
        why = printable(getattr(error, "reason", error))
        raise ValueError(
            f"{entry.name} cannot be downloaded, because {address} cannot be reached "
            f"({why}), and the file is not in {folder()}. Check the network, or give "
            "the path of a local file."
        ) from error
    size = target.stat().st_size
    if size < max(expected, _SHORTEST):
        raise ValueError(
            f"{entry.name} cannot be downloaded: {address} sent only {size} of "
            f"{max(expected, _SHORTEST)} bytes. Try again."
        )
    return headers.found


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pin(path: Path) -> Path:
    return path.with_name(f"{path.name}.pin.json")


def _read_pin(path: Path) -> str:
    """Returns the digest of the first download, or "" before it."""
    file = _pin(path)
    if not file.is_file():
        return ""
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{file} is invalid: expected a JSON object with the key sha256. Remove "
            "the file to download the weights again."
        ) from error


def _compare(entry: Entry, found: str, pinned: str, place: str) -> None:
    """Raises ValueError unless the digest is the stated and the pinned one."""
    if not found.startswith(entry.sha256):
        raise ValueError(_changed(entry, place, found, "its publisher", entry.sha256))
    if pinned and found != pinned:
        raise ValueError(_changed(entry, place, found, "the first download", pinned))


def _changed(entry: Entry, place: str, found: str, who: str, stated: str) -> str:
    return (
        f"{entry.name} is refused: {place} has the SHA-256 digest {found[:16]}..., but "
        f"that of {who} is {stated[:16]}. Remove "
        f"{folder() / entry.name} to start again, or give the path of a local file "
        "that you trust."
    )
