"""Reads files inside zip files (members), and checks them before they are unpacked.

Only uncompressed members and, on request, members compressed by DEFLATE are read. With
other compression methods, a whole member must be unpacked before its length can be
checked.
"""

import contextlib
import dataclasses
import zipfile
from collections.abc import Iterator

from jaxseg.text import printable

RATIO = 200  # The most unpacked bytes per byte of a compressed file.
FREE = 1 << 26  # The number of bytes to which every file may unpack.
_ENCRYPTED = 0x1  # Bit 0 of a member's flags in the ZIP specification.
_LOCAL_HEADER = 30  # The number of bytes before the name of a member.
_BROKEN = "The file is damaged or truncated. Download or copy it again."


@dataclasses.dataclass(frozen=True)
class Members:
    """Gives access by name to the files inside an open zip file, its members.

    Attributes:
      archive: The open zip file.
      entries: A dictionary from the name of a member to its entry in the directory of
        the zip file.
    """

    archive: zipfile.ZipFile
    entries: dict[str, zipfile.ZipInfo]

    def read(self, name: str) -> bytes:
        """Returns the content of a file inside the zip file, and checks its checksum.

        Args:
          name: The name of the file.

        Raises:
          ValueError: If the content is damaged.
        """
        entry = self.entries[name]
        try:
            with self.archive.open(entry) as stream:
                data = stream.read(entry.file_size + 1)
        except MemoryError:
            raise
        except Exception as error:  # zipfile and zlib raise many kinds.
            raise ValueError(
                f"member {printable(name)} cannot be read ({printable(error)}). "
                f"{_BROKEN}"
            ) from None
        if len(data) != entry.file_size:
            raise ValueError(
                f"member {printable(name)} has {len(data)} bytes, but its header "
                f"states {entry.file_size}. {_BROKEN}"
            )
        return data


@contextlib.contextmanager
def opened(path: str, size: int, *, deflated: bool) -> Iterator[Members]:
    """Returns a context manager that opens a zip file and checks its directory.

    Args:
      path: The file.
      size: The length of the file in bytes.
      deflated: Whether members that are compressed by DEFLATE are accepted.

    Yields:
      A `Members`, which reads the files inside the zip file by name.

    Raises:
      ValueError: If the file is not a complete zip file, or contains members that are
        compressed by other methods, encrypted, repeated, overlapping or far larger than
        the file.
    """
    try:
        archive = zipfile.ZipFile(path)
    except MemoryError:
        raise
    except Exception as error:
        raise ValueError(
            f"expected a complete zip file ({printable(error)}). {_BROKEN}"
        ) from None
    with archive:
        yield Members(archive, _checked(archive, size, deflated))


def _checked(archive: zipfile.ZipFile, size: int, deflated: bool) -> dict:
    entries: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        if entry.filename.endswith("/"):  # A folder.
            continue
        _check_method(entry, deflated)
        if entry.filename in entries:
            raise ValueError(
                f"two members have the name {printable(entry.filename)}: expected "
                "distinct names."
            )
        entries[entry.filename] = entry
    _check_places(list(entries.values()), size)
    total = sum(entry.file_size for entry in entries.values())
    allowed = max(FREE, RATIO * size) if deflated else size
    if total > allowed:
        raise ValueError(
            f"the file would unpack to {total} bytes: expected at most {allowed} for a "
            f"file of {size} bytes."
        )
    return entries


def _check_method(entry: zipfile.ZipInfo, deflated: bool) -> None:
    name = printable(entry.filename)
    if entry.flag_bits & _ENCRYPTED:
        raise ValueError(
            f"member {name} is encrypted. Save the file without a password."
        )
    allowed = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)[: 1 + deflated]
    if entry.compress_type not in allowed:
        method = zipfile.compressor_names.get(entry.compress_type, "an unknown method")
        kinds = "stored or deflated members" if deflated else "stored members"
        raise ValueError(
            f"member {name} is compressed ({method}): expected {kinds}. Unpack the "
            "file and pack it again without compression."
        )
    stored = entry.compress_type == zipfile.ZIP_STORED
    if stored and entry.compress_size != entry.file_size:
        raise ValueError(f"member {name} states two different lengths. {_BROKEN}")


def _check_places(entries: list[zipfile.ZipInfo], size: int) -> None:
    """Checks that members follow one another.

    Overlapping members would unpack the same bytes twice.
    """
    end, before = 0, ""
    for entry in sorted(entries, key=lambda e: e.header_offset):
        name = printable(entry.filename)
        if entry.header_offset < end:
            raise ValueError(
                f"members {before} and {name} overlap: expected separate bytes for "
                "each member."
            )
        end = entry.header_offset + _LOCAL_HEADER + entry.compress_size
        if end > size:
            raise ValueError(f"member {name} ends after the end of the file. {_BROKEN}")
        before = name
