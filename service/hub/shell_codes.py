"""Signing in at a shell: what a command asks for, and the code that its user pastes. Nothing here does I/O.

The command makes a secret verifier and shows a link with its challenge (RFC 7636). The user approves in a browser, and
gets a code: the Hub's own authorization code, sealed with the challenge and the user's name. The command sends it back
with the verifier. The Hub takes its code once, within five minutes, so the service has nothing to remember.
"""

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta

from service.hub.sealing import Sealer
from service.pkce import pkce_challenge

CODE_LIFETIME = timedelta(minutes=5)  # the Hub's own codes live as long (jupyterhub/oauth/provider.py)
# To open the link, and to sign in at the Hub.
REQUEST_LIFETIME = timedelta(minutes=15)
_PREFIX = "shell."  # no code of the Hub contains a dot
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_UNITS = {"days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
_SECONDS = re.compile(r"[0-9]{1,12}")
_SCOPES = re.compile(r"[\x21-\x7e]+(?: [\x21-\x7e]+)*")
_MAX_SCOPES = 1000  # characters
_MAX_MACHINE = 64  # characters
# Whoever makes the link names the machine. Without spaces they cannot write a sentence there.
_NOT_OF_A_MACHINE = re.compile(r"[^A-Za-z0-9._@-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellRequest:
    """What a command asks for. `machine` is what it says of itself, `lifetime` is in seconds.

    Without `scopes` it asks for those of a browser's sign-in.
    """

    challenge: str
    machine: str
    lifetime: int
    scopes: tuple[str, ...] = ()

    @property
    def duration(self) -> str:
        """The lifetime in words, rounded up."""
        for name, length in _UNITS.items():
            if self.lifetime >= 2 * length:
                return f"{-(-self.lifetime // length)} {name}"
        return "a second"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellCode:
    """What is in the code: the Hub's `code`, the user who has approved, and what they have approved."""

    code: str = field(repr=False)
    user: str
    challenge: str
    machine: str
    lifetime: int

    def is_for(self, verifier: str) -> bool:
        """Whether the verifier is that of the command which has asked."""
        return hmac.compare_digest(pkce_challenge(verifier), self.challenge)


def read_request(query: Mapping[str, str], *, usual: int, longest: int) -> ShellRequest | None:
    """Return what the link of a command asks for, or None for a link that no command of ours makes.

    `usual` and `longest`: seconds that a token lives if the link names no lifetime, and at most.
    """
    challenge, scopes = query.get("challenge", ""), query.get("scope", "")
    lifetime = query.get("lifetime", "") or str(usual)
    if not _CHALLENGE.fullmatch(challenge) or not _SECONDS.fullmatch(lifetime) or int(lifetime) < 1:
        return None
    if scopes and (len(scopes) > _MAX_SCOPES or not _SCOPES.fullmatch(scopes)):
        return None
    return ShellRequest(
        challenge=challenge,
        machine=_NOT_OF_A_MACHINE.sub("?", query.get("machine", ""))[:_MAX_MACHINE],
        lifetime=min(int(lifetime), longest),
        scopes=tuple(scopes.split()),
    )


def is_shell_code(text: str) -> bool:
    """Whether a code has the form of ours. All others are the Hub's."""
    return text.startswith(_PREFIX)


class ShellSealer:
    """Seals requests and codes with the service's API token, so that any worker opens what another has sealed."""

    def __init__(self, secret: str) -> None:
        self._requests = Sealer(secret, purpose="shell request")
        self._codes = Sealer(secret, purpose="shell code")

    def seal_request(self, request: ShellRequest, *, session: str = "") -> str:
        """Seal what a command asks for, while its user signs in; then for the `session` in which they are asked."""
        return self._requests.seal(json.dumps([session, asdict(request)]), lifetime=REQUEST_LIFETIME)

    def open_request(self, sealed: str, *, session: str = "") -> ShellRequest | None:
        """Return the request, or None if it is not ours, not for this session, or too old."""
        opened = self._requests.open(sealed)
        sealed_for, fields = json.loads(opened) if opened else ("", None)
        if fields is None or not hmac.compare_digest(sealed_for, session):
            return None
        return ShellRequest(**{**fields, "scopes": tuple(fields["scopes"])})

    def seal_code(self, code: ShellCode) -> str:
        """Return the code that the user pastes."""
        return _PREFIX + self._codes.seal(json.dumps(asdict(code)), lifetime=CODE_LIFETIME)

    def open_code(self, text: str) -> ShellCode | None:
        """Return what is in a pasted code, or None if it is not ours or too old."""
        opened = self._codes.open(text.removeprefix(_PREFIX))
        return None if opened is None else ShellCode(**json.loads(opened))
