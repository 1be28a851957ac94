"""What de-identification asks of a Hub, and what must be installed for it. Plain data: the Hub's process reads it."""

CUSTOM_SCOPES = {"custom:deidentify:use": {"description": "De-identify text"}}
USER_SCOPES = ["custom:deidentify:use"]

# Modules that the extra `deidentify` brings.
NEEDS = ("nltk", "philter_lite", "phonenumbers", "pycld2", "re2")
