"""The environment that peers are installed into."""

import json
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Final

import attrs

#: Versions that have been measured.
REQUIREMENTS: Final = Path(__file__).with_name("requirements.txt")
#: What the measuring itself needs there, at the project's own versions.
OURS: Final = ("attrs", "trio")
#: Lines of pip's last words that are told.
LAST_WORDS: Final = 8

VERSIONS = """
import json, platform, sys
from importlib.metadata import PackageNotFoundError, version
found = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
print(json.dumps(found))
"""


class CannotInstall(Exception):
    """Something is not to be had; the text says what, and has pip's word."""


def pins() -> dict[str, str]:
    """Return distribution -> version: what requirements.txt names, and what the project has of its own."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    named = [line.partition("==") for line in lines if line and not line.startswith("#")]
    return {name: number for name, _, number in named} | {name: version(name) for name in OURS}


@attrs.frozen
class Environment:
    """Say where peers run.

    Attributes:
        python: the interpreter.
        folder: the environment, made when there is none; None for the one that this process runs in, into which nothing is installed.
    """

    python: Path
    folder: Path | None

    @classmethod
    def here(cls) -> "Environment":
        """Return the one of this process."""
        return cls(Path(sys.executable), None)

    @classmethod
    def at(cls, folder: Path) -> "Environment":
        """Return the one in a folder."""
        return cls(folder.absolute() / "bin" / "python", folder)

    def versions(self, names: Sequence[str]) -> dict[str, str]:
        """Return which versions it has, of those that it has, and of which Python it is.

        Raises:
            CannotInstall: its interpreter cannot be run, or is not of this Python.
        """
        if not self.python.exists():
            return {}
        done = _run([str(self.python), "-c", VERSIONS, *names])
        if done.returncode:
            raise CannotInstall(f"{self.python} cannot be run: {_last_words(done)}")
        found: dict[str, str] = json.loads(done.stdout)
        if found["python"] != python_version():
            raise CannotInstall(
                f"{self.folder} is of Python {found['python']}, and greenroom runs on {python_version()}: remove it, or name another"
            )
        return found

    def prepare(self, needs: Sequence[str]) -> dict[str, str]:
        """Have distributions there, at the versions that are named, and return their versions.

        Raises:
            CannotInstall: there is no way.
        """
        wanted = {name: number for name, number in pins().items() if name in {*needs, "attrs"}}
        found = self.versions(list(wanted))
        if self.folder is None:
            if missing := [name for name in needs if name not in found]:
                raise CannotInstall(
                    f"{missing[0]} is not installed in this environment (leave --here off to have it in one of its own)"
                )
            return found
        if wanted.items() <= found.items():
            return found
        if not self.python.exists():
            done = _run([sys.executable, "-m", "venv", str(self.folder)])
            if done.returncode:
                raise CannotInstall(f"no environment can be made in {self.folder}: {_last_words(done)}")
        asked = [f"{name}=={number}" for name, number in wanted.items()]
        done = _run([str(self.python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *asked])
        if done.returncode:
            raise CannotInstall(f"pip cannot install {' '.join(asked)}: {_last_words(done)}")
        return self.versions(list(wanted))


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- pip and ourselves


def _last_words(done: "subprocess.CompletedProcess[str]") -> str:
    lines = [line for line in (done.stderr or done.stdout).splitlines() if not line.startswith("WARNING: ")]
    return "\n".join(lines[-LAST_WORDS:])
