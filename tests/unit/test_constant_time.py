"""Secrets are compared in constant time: time tells nobody how much of a guess was right.

Shown by reading the code: a measurement would fail now and then. Sealed values need no comparison of ours, AES-GCM
compares within OpenSSL; tokens are looked up by their SHA-256, which nobody can approach step by step.
"""

import ast
from pathlib import Path

import pytest

import service

PACKAGE = Path(service.__file__).parent
# `service.testing` stands for a Hub, whose secrets open nothing.
SOURCES = [path for path in PACKAGE.rglob("*.py") if PACKAGE / "testing" not in path.parents]
# Variables and attributes that hold a secret, and calls whose result is one.
SECRETS = {
    *("expected", "given", "verifier", "challenge", "password", "xsrf", "secret", "sealed"),
    *("get_secret_value", "pkce_challenge", "xsrf_token", "fingerprint", "hexdigest"),
}
# What this tells is told to nobody.
HARMLESS = {
    "('_xsrf', expected) not in cookie_pairs(conn.scope)",  # decides on sending the owner their cookie once more
}


def names(node: ast.AST) -> set[str]:
    """Return what an expression is made of: variables, attributes and calls."""
    found = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return found | {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}


def stops_early(node: ast.AST) -> bool:
    """Whether a secret is compared by an operator, which stops at the first difference; constants are no guess."""
    if not isinstance(node, ast.Compare) or not names(node) & SECRETS:
        return False
    is_equality = any(isinstance(operator, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for operator in node.ops)
    return is_equality and not any(isinstance(side, ast.Constant) for side in (node.left, *node.comparators))


def early_stops(code: str) -> set[str]:
    """Return the comparisons of a file that stop early."""
    return {ast.unparse(node) for node in ast.walk(ast.parse(code)) if stops_early(node)}


@pytest.mark.parametrize(
    "code",
    [
        "given == expected",
        "pkce_challenge(verifier) != returned.challenge",
        "password.get_secret_value() in known",
        "token == fingerprint(key)",
    ],
)
def test_the_search_finds(code: str) -> None:
    """Comparisons of the kind that is looked for are found."""
    assert early_stops(code) == {code}


def test_no_secret_is_compared_by_an_operator() -> None:
    """Neither XSRF tokens nor PKCE verifiers nor anything else that a stranger may guess."""
    found = {path.name: stops for path in SOURCES if (stops := early_stops(path.read_text()) - HARMLESS)}

    assert found == {}


@pytest.mark.parametrize("where", ["auth/xsrf.py", "hub/oauth.py"], ids=["XSRF token", "PKCE verifier"])
def test_what_is_compared_is_compared_in_constant_time(where: str) -> None:
    """Where a stranger's value meets ours it is `hmac.compare_digest` that says yes or no."""
    assert "hmac.compare_digest(" in (PACKAGE / where).read_text()
