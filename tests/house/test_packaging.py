"""What a user gets: the wheel, the sdist, and the standard library as it was."""

import importlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

import greenroom

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("actors", "mailbox", "supervisor")

STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib")).resolve()

# The builds are made once, so the tests that look at them stay in one worker.
pytestmark = pytest.mark.xdist_group("packaging")


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel made from it, of a copy of the tree without what builds leave behind."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in ("greenroom", *ROOMS):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    out = tmp_path_factory.mktemp("dist")
    # No isolation: setuptools comes from the test extra, so that this needs no network.
    run(sys.executable, "-P", "-m", "build", "--no-isolation", "--outdir", out, copy, cwd=out)
    return out


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> Path:
    return next(distributions.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel was unpacked, as an installer does."""
    site = tmp_path_factory.mktemp("site")
    shutil.unpack_archive(wheel, site, "zip")
    return site


def files_of_the_tree() -> set[str]:
    found: set[str] = set()
    for folder, _, names in os.walk(ROOT / "greenroom", followlinks=True):
        found |= {
            Path(folder, name).relative_to(ROOT).as_posix()
            for name in names
            if "__pycache__" not in folder and not name.startswith(".")
        }
    return found


def test_the_wheel_holds_the_same_files_as_the_tree(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        assert names == files_of_the_tree()
        for name in names:
            assert archive.read(name) == (ROOT / name).read_bytes(), name


def test_the_sdist_holds_the_rooms(distributions: Path) -> None:
    with tarfile.open(next(distributions.glob("*.tar.gz"))) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    assert files_of_the_tree() <= names
    assert {f"greenroom/{room}/__init__.py" for room in ROOMS} <= names


def test_the_rooms_are_relative_links_inside_the_package() -> None:
    assert {room: str((ROOT / "greenroom" / room).readlink()) for room in ROOMS} == {
        room: f"../{room}" for room in ROOMS
    }


def test_the_wheel_puts_nothing_but_greenroom_into_site_packages(installed: Path) -> None:
    assert {path.name for path in installed.iterdir() if path.suffix != ".dist-info"} == {"greenroom"}


def test_the_standard_librarys_mailbox_is_still_itself_for_an_installed_user(installed: Path, tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import greenroom, greenroom.mailbox, mailbox\n"
        "print(greenroom.__file__, mailbox.__file__, sep='\\n')\n"
        "mailbox.Maildir\n"
    )
    ours, theirs = run(sys.executable, "-P", "-c", program, installed, cwd=tmp_path).splitlines()
    assert Path(ours) == installed / "greenroom" / "__init__.py"
    assert Path(theirs).parent.resolve() == STANDARD_LIBRARY


def test_the_standard_librarys_mailbox_is_still_itself_in_the_tests() -> None:
    mailbox = importlib.import_module("mailbox")
    assert Path(str(mailbox.__file__)).parent.resolve() == STANDARD_LIBRARY


def test_the_package_says_that_it_is_typed(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert "greenroom/py.typed" in archive.namelist()


def test_the_version_is_the_same_everywhere(wheel: Path) -> None:
    assert importlib.metadata.version("greenroom") == greenroom.__version__
    assert wheel.name.startswith(f"greenroom-{greenroom.__version__}-")
    assert f"## [{greenroom.__version__}]" in (ROOT / "CHANGELOG.md").read_text()
