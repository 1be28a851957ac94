#!/usr/bin/python3
"""Stands in for systemctl, systemd-run and journalctl in script/walk: starts what units say, as their users."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

STATE = Path("/run/walk")
LOGS = Path("/var/log/walk")


def read_unit(name: str) -> dict[str, list[str]]:
    """Return the keys of a unit, without its sections."""
    found: dict[str, list[str]] = {}
    for line in Path(f"/etc/systemd/system/{name}.service").read_text().splitlines():
        key, is_key, value = line.partition("=")
        if is_key and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def split(pair: str) -> tuple[str, str]:
    """Return the name and the value of a variable."""
    name, _, value = pair.partition("=")
    return name, value


def prepared(unit: dict[str, list[str]]) -> tuple[list[str], dict[str, str], str]:
    """Make the folders that a unit has; return the command that becomes its user, its environment and its folder."""
    user = unit["User"][0]
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    for kind, parent in (("RuntimeDirectory", "/run"), ("StateDirectory", "/var/lib")):
        for name in unit.get(kind, []):
            folder = Path(parent, name)
            folder.mkdir(exist_ok=True)
            folder.chmod(int(unit.get(f"{kind}Mode", ["755"])[0], 8))
            subprocess.run(["chown", f"{user}:{user}", str(folder)], check=True)
            environment["STATE_DIRECTORY" if kind == "StateDirectory" else "RUNTIME_DIRECTORY"] = str(folder)
    for line in unit.get("Environment", []):
        environment.update(map(split, shlex.split(line)))
    for file in unit.get("EnvironmentFile", []):
        lines = [line for line in Path(file).read_text().splitlines() if line and not line.startswith("#")]
        environment.update(map(split, lines))
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--inh-caps=-all", "--"]
    return become, environment, unit.get("WorkingDirectory", ["/"])[0]


def pid_of(name: str) -> int:
    """Return the process of a unit; 0 if it does not run."""
    file = Path("/run/nginx.pid") if name == "nginx" else STATE / name
    with contextlib.suppress(OSError, ValueError):
        pid = int(file.read_text())
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            return pid
    return 0


def start(name: str) -> None:
    """Start a unit that does not run."""
    if pid_of(name):
        return
    if name == "nginx":
        subprocess.run(["nginx"], check=True)
        return
    unit = read_unit(name)
    become, environment, folder = prepared(unit)
    umask = int(unit.get("UMask", ["022"])[0], 8)
    with (LOGS / name).open("ab") as log:
        process = subprocess.Popen(
            [*become, *shlex.split(unit["ExecStart"][0])],
            cwd=folder,
            env=environment,
            umask=umask,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (STATE / name).write_text(str(process.pid))


def stop(name: str) -> None:
    """Stop a unit that runs, and wait for its end."""
    if pid := pid_of(name):
        os.kill(pid, signal.SIGTERM)
    while pid_of(name):
        time.sleep(0.05)


def reload(name: str) -> None:
    """Send a unit what its ExecReload sends."""
    command = "/bin/kill -s HUP $MAINPID" if name == "nginx" else read_unit(name)["ExecReload"][0]
    subprocess.run(shlex.split(command.replace("$MAINPID", str(pid_of(name)))), check=True)


def systemctl(verb: str, names: list[str]) -> int:
    """Do what systemctl does with units; return its status."""
    if verb == "enable":
        verb = "start" if "--now" in names else "none"
    actions = {"start": [start], "stop": [stop], "restart": [stop, start], "reload": [reload]}
    running = True
    for name in (each for each in names if not each.startswith("-")):
        for action in actions.get(verb, []):
            action(name)
        running = running and bool(pid_of(name))
        if verb == "status":
            print(f"{name}: {'active' if pid_of(name) else 'inactive'}")
    return 3 if verb in {"status", "is-active"} and not running else 0


def systemd_run(arguments: list[str]) -> int:
    """Run a command with the properties of a unit; return its status."""
    unit: dict[str, list[str]] = {}
    while arguments[0].startswith("-"):
        option = arguments.pop(0)
        if option in {"-p", "-E"}:
            key, _, value = arguments.pop(0).partition("=")
            unit.setdefault(key if option == "-p" else "Environment", []).append(
                value if option == "-p" else f"{key}={value}"
            )
    become, environment, folder = prepared(unit)
    return subprocess.run([*become, *arguments], cwd=folder, env=environment, check=False).returncode


def main() -> int:
    """Do what the program does whose name this file has here."""
    STATE.mkdir(exist_ok=True)
    LOGS.mkdir(exist_ok=True)
    program, arguments = Path(sys.argv[0]).name, sys.argv[1:]
    if program == "systemctl":
        return systemctl(arguments[0], arguments[1:])
    if program == "systemd-run":
        return systemd_run(arguments)
    print((LOGS / arguments[arguments.index("-u") + 1]).read_text()[-4000:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
