"""Downloads files of the Hugging Face hub: `hf://org/name[@revision]/file`."""

import re

from jaxseg.text import printable

_ADDRESS = re.compile(r"hf://([^/@\s]+/[^/@\s]+)(?:@([^/\s]+))?/(.+)")


def parse(address: str) -> tuple[str, str | None, str]:
    """Splits an address into repository, revision (or None) and file.

    >>> parse("hf://timm/resnet50.a1_in1k@main/model.safetensors")
    ('timm/resnet50.a1_in1k', 'main', 'model.safetensors')

    Raises:
      ValueError: The address has another form.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise ValueError(
            f"address={printable(address)!r} is invalid: expected "
            "hf://org/name[@revision]/file"
        )
    return match[1], match[2], match[3]


def fetch(address: str) -> str:
    """The local path of a file of the hub; it is downloaded if the cache lacks it.

    Raises:
      ValueError: The address is malformed, huggingface_hub is not installed, or the
        file cannot be downloaded.
    """
    repository, revision, file = parse(address)
    try:
        import huggingface_hub
    except ImportError as error:
        raise ValueError(
            f"{address} needs huggingface_hub: pip install jaxseg[hub]"
        ) from error
    try:
        return huggingface_hub.hf_hub_download(repository, file, revision=revision)
    except Exception as error:
        raise ValueError(
            f"{address} cannot be downloaded ({type(error).__name__}: "
            f"{printable(error)}); check the address, the network and, for a private "
            "repository, the token"
        ) from error
