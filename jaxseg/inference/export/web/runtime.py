"""Provides the files of onnxruntime-web, which runs ONNX files in browsers.

They are part of the npm package `onnxruntime-web`. When a web page is written, the
package is downloaded and its checksum is verified, or the files are copied from a
folder that the user names.
"""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

VERSION = "1.30.0"
URL = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"
# The field dist.integrity of this version in the npm registry.
_SHA512 = (
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfK"
    "YQ=="
)
FILES = (
    "ort.wasm.min.js",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
)
_REMEDY = (
    f"Download {URL} on another computer, unpack it, and pass its folder "
    "package/dist as --runtime."
)


def files(folder: Path | None = None) -> dict[str, bytes]:
    """Returns the content of each onnxruntime-web file that a web page needs.

    The result is a dictionary from the name of each file to its bytes.

    Args:
      folder: A folder with the files, such as `package/dist` of the npm package. If it
        is None, the package (33 MB) is downloaded.

    Raises:
      ValueError: If the folder lacks a file, or the package cannot be downloaded or has
        another checksum.
    """
    if folder is not None:
        return _copied(folder)
    try:
        with urllib.request.urlopen(URL, timeout=60) as answer:
            package = answer.read()
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise ValueError(
            f"onnxruntime-web cannot be downloaded: {reason}. {_REMEDY}"
        ) from error
    if base64.b64encode(hashlib.sha512(package).digest()).decode() != _SHA512:
        raise ValueError(
            f"{URL} is invalid: expected the checksum that the npm registry states for "
            f"this file. {_REMEDY}"
        )
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        return {
            name: archive.extractfile(f"package/dist/{name}").read() for name in FILES
        }


def _copied(folder):
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise ValueError(
            f"runtime={str(folder)!r} is invalid: expected a folder with the files "
            f"{', '.join(FILES)} of the npm package onnxruntime-web, but "
            f"{missing[0]} is missing. Without --runtime, they are downloaded."
        )
    return {name: (folder / name).read_bytes() for name in FILES}
