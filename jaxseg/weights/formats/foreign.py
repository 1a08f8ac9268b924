"""Recognizes files that are not checkpoints and says what to do with them."""

import os
import re
from collections.abc import Iterable

from jaxseg.text import printable

_HEAD = 4_096  # The number of bytes that are examined.
_ZIP = b"PK\x03\x04"
_TAR_MAGIC = slice(257, 262)
_STATE_DICT = (
    "In PyTorch, load the model and call torch.save(model.state_dict(), 'weights.pth')"
)
_IMAGE = "Pass the checkpoint instead of the image"
_DOWNLOAD = "Download the checkpoint itself"
_STARTS: tuple[tuple[bytes, str, str], ...] = (  # Start, kind and remedy.
    (b"\x89PNG\r\n\x1a\n", "a PNG image", _IMAGE),
    (b"\xff\xd8\xff", "a JPEG image", _IMAGE),
    (b"GIF8", "a GIF image", _IMAGE),
    (b"BM", "a BMP image", _IMAGE),
    (b"II*\x00", "a TIFF image", _IMAGE),
    (b"MM\x00*", "a TIFF image", _IMAGE),
    (b"%PDF-", "a PDF document", _DOWNLOAD),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file (such as a Keras .h5)", (
        "Read it with h5py and write the arrays with numpy.savez"
    )),
    (b"\x1f\x8b", "a gzip archive", "Unpack it first"),
    (b"BZh", "a bzip2 archive", "Unpack it first"),
    (b"\xfd7zXZ\x00", "an xz archive", "Unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it first"),
    (b"Rar!\x1a\x07", "a RAR archive", "Unpack it first"),
    (b"(\xb5/\xfd", "a zstd archive", "Unpack it first"),
    (b"\x93NUMPY", "a single NumPy array (.npy)", (
        "Write the arrays with numpy.savez, which stores their names"
    )),
    (b"GGUF", "a GGUF file", f"This format is not supported. {_STATE_DICT}"),
    (b"MATLAB", "a MATLAB file", (
        "Read it with scipy.io.loadmat and write the arrays with numpy.savez"
    )),
    (b"\x7fELF", "a program or a shared library", _DOWNLOAD),
)  # fmt: skip
_MEMBERS: tuple[tuple[str, str, str], ...] = (  # Member, kind and remedy.
    (r"(^|/)constants\.pkl$", "a TorchScript program", (
        "In PyTorch, save its state dict: "
        "torch.save(torch.jit.load(path).state_dict(), 'weights.pth')"
    )),
    (r"(^|/)data\.pkl$", "a file that torch.save wrote", "Rename it to end in .pth"),
    (r"(^|/)models/model\.json$", "an exported PyTorch program (.pt2)", (
        "In PyTorch, save its state dict: "
        "torch.save(torch.export.load(path).state_dict, 'weights.pth')"
    )),
    (r"\.weights\.h5$", "a Keras model", (
        "In Keras, write its arrays with numpy.savez"
    )),
    (r"\.npy$", "an .npz file", "Rename it to end in .npz"),
    (r"\.(pth|pt|safetensors|npz)$", "an archive of weight files", "Unpack it first"),
)  # fmt: skip


def check(path: str) -> None:
    """Checks that a file can be a checkpoint and that its suffix matches its content.

    Args:
      path: The file.

    Raises:
      ValueError: If the file is not a checkpoint or has the wrong suffix. The message
        says what the file is and what to do.
    """
    if not os.path.isfile(path):
        raise ValueError(
            f"{path} is not a regular file, but a folder, pipe or device: expected a "
            "file. Copy its content into a file."
        )
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    if not _is_safetensors(head, os.path.getsize(path)):
        _check_kind(path, head)
    elif not path.endswith(".safetensors"):
        raise ValueError(
            f"{path} is a .safetensors file. Rename it to end in .safetensors."
        )


def describe_members(names: Iterable[str]) -> str:
    """Describes a zip file that neither `torch.save` nor NumPy wrote.

    Args:
      names: The names of its members.

    Returns:
      Text that says what the file is and what to do. If the kind of the file is
      unknown, the text lists the first members.
    """
    names = list(names)
    shown = ", ".join(printable(name, limit=60) for name in names[:3])
    for pattern, kind, remedy in _MEMBERS:
        if any(re.search(pattern, name) for name in names):
            return f"It is {kind}. {remedy}."
    return f"It contains {shown or 'nothing'}{', ...' if len(names) > 3 else ''}."


def _check_kind(path: str, head: bytes) -> None:
    for look in (_by_start, _text, _tar, _graph):
        found = look(head)
        if found:
            kind, remedy = found
            raise ValueError(f"{path} is {kind}, not a checkpoint. {remedy}.")
    if path.endswith(".safetensors") and head.startswith(_ZIP):
        raise ValueError(
            f"{path} is a zip file. Rename it to end in .pth if torch.save wrote it, "
            "or in .npz if numpy.savez wrote it."
        )


def _is_safetensors(head: bytes, size: int) -> bool:
    """Returns whether the file starts with a header of the safetensors format.

    The length of the header comes first, and some lengths look like other formats.
    """
    length = int.from_bytes(head[:8], "little")
    return 2 <= length <= size - 8 and re.match(rb'\{\s*["}]', head[8:64]) is not None


def _by_start(head: bytes) -> tuple[str, str] | None:
    if head == b"":
        return "an empty file", "Download or copy it again"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "a WebP image", _IMAGE
    if head[4:8] == b"TFL3":
        return "a TensorFlow Lite model", f"This format is not supported. {_STATE_DICT}"
    for start, kind, remedy in _STARTS:
        if head.startswith(start):
            return kind, remedy
    if not head.strip(b"\x00") and len(head) > 64:
        return "a file of zeros", "Download it again"
    return None


def _text(head: bytes) -> tuple[str, str] | None:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<!--")):
        title = re.search(rb"<title[^>]*>\s*([^<]{1,80})", head, re.IGNORECASE)
        shown = printable(title[1].decode("utf-8", "replace").strip()) if title else ""
        named = f" titled '{shown}'" if shown else ""
        return f"an HTML page{named}", (
            f"The server sent a web page (an error or a log-in). {_DOWNLOAD}"
        )
    if start.startswith(b"<?xml"):
        return "an XML document, perhaps the error of a server", _DOWNLOAD
    if start.startswith(b"version https://git-lfs.github.com/spec/"):
        return "a Git LFS pointer", "Fetch the content by git lfs pull"
    if start.startswith((b"{", b"[")):
        return _json(start)
    if _is_plain_text(head):
        line = printable(head.decode().strip().splitlines()[0], limit=60)
        return f"a text file ('{line}')", "Pass the checkpoint itself"
    return None


def _json(start: bytes) -> tuple[str, str] | None:
    """Recognizes JSON.

    Binary data of another format can start with a bracket, too.
    """
    try:
        text = start.decode()
    except UnicodeDecodeError:
        return None
    if not all(c.isprintable() or c in "\r\n\t" for c in text):
        return None
    if '"weight_map"' in text:
        return "the index of a checkpoint in several files", (
            "Merge the files into one state dict first"
        )
    return "a JSON file", "Pass the checkpoint itself"


def _is_plain_text(head: bytes) -> bool:
    """Returns whether the bytes are text and not a pickle of protocol 0."""
    try:
        text = head.decode()
    except UnicodeDecodeError:
        return False
    words = len(re.findall(r"[A-Za-z]{3,}", text))
    ends = text.rstrip("\n").endswith(".")  # Every pickle ends so.
    return (
        words > 0 and not ends and all(c.isprintable() or c in "\r\n\t\f" for c in text)
    )


def _tar(head: bytes) -> tuple[str, str] | None:
    if head[_TAR_MAGIC] != b"ustar" and not head.startswith(b"sys_info\x00"):
        return None
    if b"sys_info" in head[:100] or b"pickle" in head[:100]:
        return "a tar file of a PyTorch version before 0.2", (
            "Load it with an old PyTorch and save it again"
        )
    return "a tar archive", "Unpack it first"


def _graph(head: bytes) -> tuple[str, str] | None:
    """Recognizes ONNX and TensorFlow graphs.

    They are protocol buffers, which have no magic number.
    """
    if re.match(rb"\x08[\x01-\x20]\x12.[\x20-\x7e]{2,}", head, re.DOTALL):
        return "an ONNX model", (
            "This format is not supported. Save the state dict of the model that it "
            "was exported from"
        )
    if b"saved_model" in head[:64] or re.match(rb"\x08\x01\x12.\x0a", head, re.DOTALL):
        return "a TensorFlow graph", (
            "This format is not supported. Write the arrays as .npz"
        )
    return None
