"""The page about races shows what is really printed."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "races.md"
MAIN = "import sys; from greenroom.console import main; sys.exit(main())"


def test_the_failing_example_fails_as_the_page_shows(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    code = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[0]
    command, shown = re.findall(r"^```console\n\$ greenroom (.*?)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[0]
    (tmp_path / "pool.py").write_text(code, encoding="utf-8")
    for arguments in (command, shown.splitlines()[-1].partition("greenroom ")[2]):
        ended = subprocess.run(
            [sys.executable, "-P", "-c", MAIN, *arguments.split()],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (1, "")
        assert ended.stdout.splitlines()[2:] == shown.splitlines()[2:]
        if arguments is command:
            assert ended.stdout == shown


def test_the_example_passes_as_a_plain_trio_program(tmp_path: Path) -> None:
    code = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)[0]
    program = f"{code}\nfor _ in range(200):\n    trio.run(one_connection, None)\n"
    ended = subprocess.run(
        [sys.executable, "-P", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
