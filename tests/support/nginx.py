"""A real nginx with a configuration from deploy/nginx, of which only what an operator also changes is changed.

    front = Nginx("service.conf")
    with RealHub(register={"public_host": front.origin}) as hub, front.before(hub=…, service=…): ...

It runs as whoever runs the tests, on free ports and in a folder of its own.
"""

import contextlib
import getpass
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support import tls_front
from tests.support.node import REPOSITORY
from tests.support.polling import BUSY
from tests.support.ports import free_ports
from tests.support.process import KeptProcess, clean_environment, wait_until_it_listens

FILES = REPOSITORY / "deploy" / "nginx"
FORWARD_FILES = REPOSITORY / "deploy" / "forward-auth"
FORWARD = "forward-auth/nginx.conf"  # before an application that is not ours
BOTH = "conf.d/*.conf"  # the two above in one nginx, as docs/operate/forward-auth.md says
WHOLE = "sidecar.conf"  # has all of an nginx.conf, the others are for its http level
START_LIMIT = BUSY
_TEMPORARY = "client_body proxy fastcgi uwsgi scgi"


def program() -> str | None:
    """Return the path of an installed nginx, if there is one; Debian's is not on everybody's PATH."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


class NginxError(Exception):
    """nginx refuses its configuration, or does not start; the text is what it said."""


class Nginx:
    """Its origins are known before it runs, so that a Hub can be told."""

    def __init__(self, name: str, *, host: str = tls_front.HOST) -> None:
        """Choose the ports; `name` is that of a file in deploy/nginx, or `FORWARD`, or `BOTH`."""
        self._name = name
        self._host = host
        self._plain_port, self._port = free_ports(2)
        self.origin = f"https://{host}:{self._port}"
        self.plain_origin = f"http://{host}:{self._plain_port}"

    @contextlib.contextmanager
    def before(self, *, service: str, hub: str = "127.0.0.1:9", app: str = "127.0.0.1:9") -> Iterator["Nginx"]:
        """Run it before these addresses, in nginx's words; not every file speaks of a Hub, or of an application."""
        with tempfile.TemporaryDirectory(prefix="nginx-") as name:
            self.folder = Path(name)
            command = self._command(service=service, hub=hub, app=app)
            process = KeptProcess(
                [*command, "-g", "daemon off;"], env=clean_environment(), cwd=self.folder, log=self.folder / "log"
            )
            try:
                wait_until_it_listens(process, self.folder / "log", self._port, timeout=START_LIMIT)
                yield self
            finally:
                process.close()

    def check(self) -> str:
        """Let nginx judge the configuration; return what it warns of. Raises NginxError."""
        with tempfile.TemporaryDirectory(prefix="nginx-") as name:
            self.folder = Path(name)
            command = self._command(service="127.0.0.1:9", hub="127.0.0.1:9", app="127.0.0.1:9")
            said = subprocess.run([*command, "-t", "-q"], capture_output=True, text=True, check=False)
        if said.returncode:
            raise NginxError(said.stderr)
        return said.stderr

    def access_log(self) -> str:
        """Return what it has written of requests so far."""
        return (self.folder / "access.log").read_text()

    def _command(self, **upstreams: str) -> list[str]:
        """Write all that it needs into the folder; return what starts it."""
        tls_front.write_certificate(self.folder)
        changes = self._changes(upstreams)
        (self.folder / FORWARD).parent.mkdir()
        for files, folder in ((FILES, self.folder), (FORWARD_FILES, (self.folder / FORWARD).parent)):
            for file in files.glob("*.conf"):
                text = file.read_text()
                for old, new in changes.items():
                    text = text.replace(old, new)
                (folder / file.name).write_text(text)
        if self._name == BOTH:
            self._link_both()
        main = self.folder / self._name
        if self._name != WHOLE:
            main = self.folder / "nginx.conf"
            paths = "\n".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in _TEMPORARY.split())
            user = f"user {getpass.getuser()};\n" if os.geteuid() == 0 else ""
            main.write_text(
                f"{user}pid {self.folder}/pid; error_log stderr;\nevents {{}}\n"
                f"http {{\n{paths}\ninclude {self.folder}/{self._name};\n}}\n"
            )
        return [program() or "nginx", "-p", str(self.folder), "-c", str(main)]

    def _link_both(self) -> None:
        """Do what the page says: link the files, and leave out of one what both include."""
        (self.folder / "conf.d").mkdir()
        linked = (REPOSITORY / "docs" / "operate" / "forward-auth.md").read_text()
        for name in ["service.conf", *re.findall(r"^ +ln -s \S+ /etc/nginx/conf.d/(\S+)", linked, re.MULTILINE)]:
            target = "service.conf" if name == "service.conf" else FORWARD
            (self.folder / "conf.d" / name).symlink_to(self.folder / target)
        forward = self.folder / FORWARD
        forward.write_text(re.sub("^include .*/http.conf;$", "", forward.read_text(), flags=re.MULTILINE))

    def _changes(self, upstreams: Mapping[str, str]) -> dict[str, str]:
        """What an operator writes in the place of what stands there, and where it listens and logs here."""
        return {
            "/tmp/": f"{self.folder}/",  # noqa: S108 - text in a file, and first, as the folder itself is below it
            "/etc/nginx/service/": f"{self.folder}/",
            "/var/log/nginx/": f"{self.folder}/",
            "/dev/stdout": f"{self.folder}/access.log",
            "/dev/stderr": f"{self.folder}/error.log",
            "data.example.org": self._host if self._name != BOTH else f"other.{self._host}",
            f"/etc/letsencrypt/live/{self._host}/fullchain.pem": f"{self.folder}/chain.pem",
            f"/etc/letsencrypt/live/{self._host}/privkey.pem": f"{self.folder}/key.pem",
            f"/etc/letsencrypt/live/other.{self._host}/fullchain.pem": f"{self.folder}/chain.pem",
            f"/etc/letsencrypt/live/other.{self._host}/privkey.pem": f"{self.folder}/key.pem",
            "/etc/letsencrypt/live/hub.example.org/fullchain.pem": f"{self.folder}/chain.pem",
            "/etc/letsencrypt/live/hub.example.org/privkey.pem": f"{self.folder}/key.pem",
            "/etc/nginx/tls/tls.crt": f"{self.folder}/chain.pem",
            "/etc/nginx/tls/tls.key": f"{self.folder}/key.pem",
            "listen 80;": f"listen 127.0.0.1:{self._plain_port};",
            "listen 443 ": f"listen 127.0.0.1:{self._port} ",
            # As there may be no IPv6.
            "listen [::]:80;": f"listen 127.0.0.2:{self._plain_port};",
            "listen [::]:443 ": f"listen 127.0.0.2:{self._port} ",
            "server 127.0.0.1:8000;": f"server {upstreams['hub']};",
            "server 127.0.0.1:10101;": f"server {upstreams['service']};",
            "server 127.0.0.1:10201;": f"server {upstreams['service']};",
            "server 127.0.0.1:8301;": f"server {upstreams['app']};",
            "server unix:/run/service-fastapi/service.sock;": f"server {upstreams['service']};",
        }
