"""What axe-core finds wrong with a page, by the rules of WCAG 2.2 at level AA, in light and in dark."""

from functools import cache
from pathlib import Path

from playwright.async_api import Page

from tests.support.browser import Scheme, switch_to
from tests.support.node import REPOSITORY, NodeToolError

_SCRIPT = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
# The tags of https://github.com/dequelabs/axe-core/blob/develop/doc/API.md#axe-core-tags
_AA = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]}
# Only these look at colours, so only these can find something else in the other scheme.
_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
_RUN = """async ([rules, left_out]) => {
    const {violations} = await axe.run({exclude: left_out}, {runOnly: rules, resultTypes: ["violations"]});
    return violations.flatMap(({id, nodes}) => nodes.map(({target, any, all, none}) =>
        `${id}: ${target.join(" ")}: ${[...any, ...all, ...none].map(({message}) => message).join("; ")}`));
}"""


@cache
def _source(path: Path) -> str:
    if not path.is_file():
        message = "axe-core is missing: run ./script/test, or python hatch_build.py --dev"
        raise NodeToolError(message)
    return path.read_text()


async def problems_of(page: Page, *, left_out: tuple[str, ...] = ()) -> list[str]:
    """Return a line for each violation: the rule, the element, and what is wrong with it.

    `left_out`: selectors of what is not ours.

    Raises:
        NodeToolError: axe-core is not installed.
    """
    await page.evaluate(_source(_SCRIPT))
    rules: tuple[tuple[Scheme, object], ...] = (("light", _AA), ("dark", _COLOURS))
    found: list[str] = []
    for scheme, wanted in rules:
        await switch_to(page, scheme)
        found += [f"{scheme}: {line}" for line in await page.evaluate(_RUN, [wanted, [[one] for one in left_out]])]
    return found
