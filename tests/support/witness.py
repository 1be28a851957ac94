"""Hears every answer of a service, and finds the secrets in them."""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httpx

Said = tuple[str, str]  # by what answer or process, and what


@dataclass
class Witness:
    """What a service below the address `home` has answered: an httpx event hook, `hear`, writes it down.

    `secrets` may stand in no answer, but that a token answer gives its own token; `sealed` only in `Location` and
    `Set-Cookie`. Both by a name for what they are.
    """

    home: str
    secrets: dict[str, str] = field(default_factory=dict)
    sealed: dict[str, str] = field(default_factory=dict)
    heads: list[Said] = field(default_factory=list)
    bodies: list[Said] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)

    async def hear(self, reply: httpx.Response) -> None:
        """Write down an answer, and the sealed values that it hands out."""
        await reply.aread()
        if not str(reply.url).startswith(self.home):
            return
        where, body = f"{reply.request.method} {reply.url} {reply.status_code}", reply.text
        if reply.status_code == httpx.codes.OK and reply.url.path.endswith("/token"):
            given = reply.json()["access_token"]
            self.secrets[f"token given by answer {len(self.bodies)}"] = given
            body = body.replace(given, "", 1)
        self.statuses.add(reply.status_code)
        self.heads += [(where, f"{name}: {value}") for name, value in reply.headers.multi_items()]
        self.bodies.append((where, body))
        for line in reply.headers.get_list("Set-Cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            if value.strip('"') and name != "_xsrf":
                self.sealed[f"cookie {name}, {len(self.sealed)}"] = value
        for state in parse_qs(urlsplit(reply.headers.get("Location", "")).query).get("state", ()):
            self.sealed[f"state {len(self.sealed)}"] = state

    def decoded(self) -> list[Said]:
        """Return the sealed values as whoever decodes them reads them: every way that base64 can be cut."""
        return [
            (name, base64.urlsafe_b64decode(word[start:] + "=" * (-len(word[start:]) % 4)).decode("latin-1"))
            for name, value in self.sealed.items()
            for word in re.findall(r"[\w-]{8,}", value)
            for start in range(4)
            if len(word[start:]) % 4 != 1
        ]


def found(secrets: Mapping[str, str], said: Iterable[Said]) -> list[str]:
    """Return which secret stands where; empty when all is well."""
    return [
        f"{name} in {where}: {text[max(0, text.index(secret) - 80) :][:160]}"
        for where, text in said
        for name, secret in secrets.items()
        if secret in text
    ]


def lines(process: str, log: str) -> list[Said]:
    """Return what a process has printed."""
    return [(process, line) for line in log.splitlines()]
