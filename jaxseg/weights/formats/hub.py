"""Downloads files from the Hugging Face hub at `hf://org/name[@revision]/file`."""

import re
from typing import Any

from jaxseg.text import printable

TIMEOUT = 3  # seconds within which the hub must answer the first request
_ADDRESS = re.compile(r"hf://([^/@\s]+/[^/@\s]+)(?:@([^/\s]+))?/(.+)")


def parse(address: str) -> tuple[str, str | None, str]:
    """Splits an address into repository, revision and file.

    >>> parse("hf://timm/resnet50.a1_in1k@main/model.safetensors")
    ('timm/resnet50.a1_in1k', 'main', 'model.safetensors')

    Args:
      address: The address.

    Returns:
      The repository, the revision (or None) and the file.

    Raises:
      ValueError: If the address is malformed.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise ValueError(
            f"address={printable(address)!r} is invalid: expected "
            "hf://org/name[@revision]/file."
        )
    return match[1], match[2], match[3]


def fetch(address: str) -> str:
    """Returns the local path of a file of the Hugging Face hub, and downloads the file
    if it is not in the local cache.

    Args:
      address: The `hf://` address.

    Raises:
      ValueError: If the address is malformed, huggingface_hub is not installed, or the
        file cannot be downloaded.
    """
    repository, revision, file = parse(address)
    try:
        import huggingface_hub
    except ImportError as error:
        raise ValueError(
            f"{address} cannot be downloaded without huggingface_hub. Run `pip install "
            "'jaxseg[hub]'`."
        ) from error
    online = _is_reachable(
        huggingface_hub, repository=repository, revision=revision, file=file
    )
    try:
        return huggingface_hub.hf_hub_download(
            repository, file, revision=revision, local_files_only=not online
        )
    except Exception as error:
        if not online:
            raise ValueError(
                f"{address} cannot be downloaded, because the hub cannot be reached "
                f"within {TIMEOUT} seconds, and the file is not in the local cache. "
                "Check the network, or give the path of a local file."
            ) from error
        raise ValueError(
            f"{address} cannot be downloaded ({type(error).__name__}: "
            f"{printable(error)}). Check the address, the network and, for a private "
            "repository, the token."
        ) from error


def _is_reachable(
    huggingface_hub: Any, repository: str, revision: str | None, file: str
) -> bool:
    """Returns whether the hub answers one request, which need not succeed.

    A download without a network would repeat its request for 24 seconds, and would log
    each repetition.
    """
    url = huggingface_hub.hf_hub_url(repository, file, revision=revision)
    try:
        huggingface_hub.get_hf_file_metadata(url, timeout=TIMEOUT)
    except huggingface_hub.errors.HfHubHTTPError:
        return True  # The hub has answered; the download explains what is wrong.
    except Exception:
        return False
    return True
