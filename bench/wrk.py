"""Runs wrk, an HTTP load generator, and reads what it found."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 16

# Each request with the next of the tokens, so that as many answers of the Hub are in use at once.
_SCRIPT = """
local tokens = { %s }
local turn = 0
request = function()
  turn = turn %% #tokens + 1
  return wrk.format("GET", nil, { ["Authorization"] = "Bearer " .. tokens[turn] })
end
"""
_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Run:
    """Requests per second; 99th percentile of the latency in milliseconds."""

    rate: float
    p99: float


def run(url: str, tokens: Sequence[str], *, seconds: float) -> Run:
    """Send requests as fast as they are answered, each by the next of `tokens`.

    Raises:
        LookupError: wrk is not installed.
        ValueError: some request was not answered with 2xx, so that the figures mean nothing.
    """
    program = shutil.which("wrk")
    if program is None:
        raise LookupError("wrk is not installed (Debian, Ubuntu: apt-get install wrk)")
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory) / "tokens.lua"
        script.write_text(_SCRIPT % ", ".join(f'"{token}"' for token in tokens))
        command = [
            program,
            "-t1",
            f"-c{CONNECTIONS}",
            f"-d{seconds:g}s",
            "--latency",
            "--timeout",
            "10s",
            "-s",
            str(script),
            url,
        ]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise ValueError(f"not every request was answered well:\n{said}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    if rate is None or p99 is None:
        raise ValueError(f"wrk said something else:\n{said}")
    return Run(rate=float(rate[1]), p99=float(p99[1]) * _MILLISECONDS[p99[2]])
