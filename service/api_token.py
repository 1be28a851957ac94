"""The rule for the service's API token, for registration in the Hub and for the settings. Standard library only.

Keys are derived from the token, and values sealed with them are sent to browsers. Whoever guessed the token could open
these.
"""

import re

ONE_WORD = re.compile(r"[\x21-\x7e]+")  # what can stand in a header
LENGTH = 32  # characters at least; as long as the tokens that the Hub makes


def problem_with(token: str) -> str:
    """Return what is wrong with a token; an empty string if it is good."""
    if len(token) < LENGTH:
        return f"must have {LENGTH} characters or more; make one with `openssl rand -hex {LENGTH}`"
    return "" if ONE_WORD.fullmatch(token) else "must be one word of printable ASCII characters, without a line end"
