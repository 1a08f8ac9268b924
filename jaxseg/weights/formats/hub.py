"""Files of the Hugging Face hub: ``hf://org/name[@revision]/file``."""

import re

_ADDRESS = re.compile(r"hf://([^/@\s]+/[^/@\s]+)(?:@([^/\s]+))?/(.+)")


def parse(address: str) -> tuple[str, str | None, str]:
    """(repository, revision or None, file).

    >>> parse("hf://timm/resnet50.a1_in1k@main/model.safetensors")
    ('timm/resnet50.a1_in1k', 'main', 'model.safetensors')

    Raises:
        ValueError: the address has another form.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise ValueError(
            f"address {address!r} is not of the form hf://org/name[@revision]/file"
        )
    return match[1], match[2], match[3]


def fetch(address: str) -> str:
    """The local path of a hub file, from the cache where it is there already.

    Raises:
        ValueError: a malformed address, huggingface_hub is not installed, or the file
            cannot be had.
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
        raise ValueError(f"{address} cannot be had: {error}") from error
