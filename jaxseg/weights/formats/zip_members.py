"""Members of zip files, checked before anything is unpacked.

Only members that are stored as they are, and where it is asked for deflated ones, are
read: other methods unpack whole members before anybody can look at their length.
"""

import contextlib
import dataclasses
import zipfile
from collections.abc import Iterator

from jaxseg.text import printable

RATIO = 200  # bytes that a file of compressed members may unpack to, for each byte
FREE = 1 << 26  # bytes that every file may unpack to
_ENCRYPTED = 0x1
_LOCAL_HEADER = 30  # bytes before the name of a member
_BROKEN = "it is damaged or cut short; download or copy it again"


@dataclasses.dataclass(frozen=True)
class Members:
    """The members of an open zip file by name."""

    archive: zipfile.ZipFile
    entries: dict[str, zipfile.ZipInfo]

    def read(self, name: str) -> bytes:
        """The content of a member, its checksum included in the check.

        Raises:
          ValueError: The member is damaged.
        """
        entry = self.entries[name]
        try:
            with self.archive.open(entry) as stream:
                data = stream.read(entry.file_size + 1)
        except MemoryError:
            raise
        except Exception as error:  # zipfile and zlib raise many kinds
            raise ValueError(
                f"member {printable(name)} cannot be read ({printable(error)}): "
                f"{_BROKEN}"
            ) from None
        if len(data) != entry.file_size:
            raise ValueError(
                f"member {printable(name)} has {len(data)} bytes and claims "
                f"{entry.file_size}: {_BROKEN}"
            )
        return data


@contextlib.contextmanager
def opened(path: str, size: int, *, deflated: bool) -> Iterator[Members]:
    """The members of a zip file of `size` bytes.

    Args:
      path: The file.
      size: Its length in bytes.
      deflated: Whether members that are compressed by DEFLATE are accepted.

    Raises:
      ValueError: The file is no whole zip file, or holds members that are compressed
        by other methods, encrypted, doubled, overlapping or far larger than it.
    """
    try:
        archive = zipfile.ZipFile(path)
    except MemoryError:
        raise
    except Exception as error:
        raise ValueError(
            f"this is not a whole zip file ({printable(error)}): {_BROKEN}"
        ) from None
    with archive:
        yield Members(archive, _checked(archive, size, deflated))


def _checked(archive: zipfile.ZipFile, size: int, deflated: bool) -> dict:
    entries: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        if entry.filename.endswith("/"):  # a folder
            continue
        _check_method(entry, deflated)
        if entry.filename in entries:
            raise ValueError(f"two members have the name {printable(entry.filename)}")
        entries[entry.filename] = entry
    _check_places(list(entries.values()), size)
    total = sum(entry.file_size for entry in entries.values())
    allowed = max(FREE, RATIO * size) if deflated else size
    if total > allowed:
        raise ValueError(
            f"the file has {size} bytes and would unpack to {total}; at most {allowed} "
            "are allowed"
        )
    return entries


def _check_method(entry: zipfile.ZipInfo, deflated: bool) -> None:
    name = printable(entry.filename)
    if entry.flag_bits & _ENCRYPTED:
        raise ValueError(
            f"member {name} is encrypted; save the file without a password"
        )
    allowed = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)[: 1 + deflated]
    if entry.compress_type not in allowed:
        method = zipfile.compressor_names.get(entry.compress_type, "an unknown method")
        kinds = "stored or deflated" if deflated else "stored, as torch.save does it"
        raise ValueError(
            f"member {name} is compressed ({method}), and members must be {kinds}; "
            "unpack the file and pack it again without compression"
        )
    stored = entry.compress_type == zipfile.ZIP_STORED
    if stored and entry.compress_size != entry.file_size:
        raise ValueError(f"member {name} claims two lengths: {_BROKEN}")


def _check_places(entries: list[zipfile.ZipInfo], size: int) -> None:
    """Members must follow one another: overlapping ones unpack the same bytes twice."""
    end, before = 0, ""
    for entry in sorted(entries, key=lambda e: e.header_offset):
        name = printable(entry.filename)
        if entry.header_offset < end:
            raise ValueError(f"members {before} and {name} overlap")
        end = entry.header_offset + _LOCAL_HEADER + entry.compress_size
        if end > size:
            raise ValueError(f"member {name} ends after the file: {_BROKEN}")
        before = name
