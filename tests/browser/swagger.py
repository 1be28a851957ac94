"""Swagger UI on our page, as a person uses it."""

from collections.abc import Awaitable, Callable
from typing import Self

from playwright.async_api import Locator, Page, Response, expect


class Swagger:
    """The page at `docs`; `dialog` is what its Authorize button opens."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.dialog = page.locator(".modal-ux")

    @classmethod
    async def open(cls, page: Page, service_url: str, *, page_of: str = "docs") -> Self:
        """Go there, and wait until Swagger UI has read the OpenAPI document."""
        await page.goto(f"{service_url}{page_of}")
        await expect(page.get_by_role("button", name="Authorize")).to_be_visible()
        return cls(page)

    def operation(self, path: str) -> Locator:
        """Return the part of the page about the operation with this path."""
        return self.page.locator(".opblock").filter(has=self.page.locator(f'[data-path="{path}"]'))

    async def open_dialog(self) -> None:
        """Press Authorize."""
        await self.page.get_by_role("button", name="Authorize").click()
        await expect(self.dialog).to_be_visible()

    async def close_dialog(self) -> None:
        """Leave the dialog."""
        await self.dialog.get_by_role("button", name="Close").first.click()
        await expect(self.dialog).to_be_hidden()

    async def authorize(self) -> Page:
        """Press the dialog's Authorize for the Hub; return the window that opens."""
        async with self.page.expect_popup() as opening:
            await self.dialog.get_by_role("button", name="Apply given OAuth2 credentials").click()
        return await opening.value

    async def enter_token(self, token: str) -> None:
        """Give the dialog a token of one's own, and leave it."""
        await self.open_dialog()
        await self.dialog.get_by_label("auth-bearer-value").fill(token)
        await self.dialog.get_by_role("button", name="Apply credentials").click()
        await self.close_dialog()

    async def sign_in(self, fill_in: Callable[[Page], Awaitable[None]]) -> None:
        """Authorize, and sign in by `fill_in` where that leads; return when there is a token, the dialog closed."""
        await self.open_dialog()
        window = await self.authorize()
        async with window.expect_event("close"):
            await fill_in(window)
        await self.expect_authorized()
        await self.close_dialog()

    async def expect_authorized(self) -> None:
        """Wait until the dialog says that the Hub's window has done its work."""
        await expect(self.dialog.get_by_role("heading", name="Authorized")).to_be_visible()

    async def execute(self, path: str) -> Response:
        """Try an operation out; return the first response it gets, once the page shows the outcome."""
        operation = self.operation(path)
        if await operation.get_by_role("button", name="Execute").count() == 0:
            await operation.locator(".opblock-summary-control").first.click()
            await operation.get_by_role("button", name="Try it out").click()
        async with self.page.expect_response(lambda response: response.url.endswith(path)) as arriving:
            await operation.get_by_role("button", name="Execute").click()
        response = await arriving.value
        shown = 200 if response.status in range(300, 400) else response.status  # fetch() follows redirects
        await expect(operation.locator(".live-responses-table tbody .response-col_status")).to_contain_text(str(shown))
        return response
