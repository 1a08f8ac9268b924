"""Downloads files from the Hugging Face hub at `hf://org/name[@revision]/file`."""

import re

from jaxseg.text import printable

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
      ValueError: If the address has another form.
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
            f"{address} cannot be downloaded without huggingface_hub. Install it by "
            "pip install jaxseg[hub]."
        ) from error
    try:
        return huggingface_hub.hf_hub_download(repository, file, revision=revision)
    except Exception as error:
        raise ValueError(
            f"{address} cannot be downloaded ({type(error).__name__}: "
            f"{printable(error)}). Check the address, the network and, for a private "
            "repository, the token."
        ) from error
