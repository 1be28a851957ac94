"""TCP: reads a line with a token, answers with a line, and hangs up. Start it by `python tcp_server.py 10101`."""

import asyncio
import contextlib
import sys

from service.hub import HubAuth, ServiceError


async def main(port: int) -> None:
    async with HubAuth.from_env() as auth:

        async def answer(token: str, address: str) -> str:
            try:
                user = await auth.identify(token, address=address)
            except ServiceError as error:
                return f"{error.status} {error.detail}"
            return f"200 Hello {user.name}" if auth.covers(user) else "403 You have no access."

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(TimeoutError, ValueError, ConnectionError), contextlib.closing(writer):
                line = await asyncio.wait_for(reader.readline(), timeout=10)
                writer.write(f"{await answer(line.decode().strip(), writer.get_extra_info('peername')[0])}\n".encode())
                await writer.drain()

        await (await asyncio.start_server(serve, "127.0.0.1", port)).serve_forever()


asyncio.run(main(int(sys.argv[1])))
