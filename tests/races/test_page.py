"""The page about races shows what is really printed."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "races.md"
MAIN = "import sys; from greenroom.console import main; sys.exit(main())"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def ran(folder: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_failing_example_fails_as_the_page_shows(tmp_path: Path) -> None:
    (tmp_path / "pool.py").write_text(blocks("python")[0], encoding="utf-8")
    asked, *shown = blocks("console")[0].splitlines()
    command = asked.removeprefix("$ greenroom ").split()
    ended = ran(tmp_path, MAIN, *command)
    assert (ended.returncode, ended.stderr, ended.stdout.splitlines()) == (1, "", shown)
    again = ran(tmp_path, MAIN, *shown[-1].partition("greenroom ")[2].split())
    size = shown[2].replace("; no fewer do", "")
    assert (again.returncode, again.stderr, again.stdout.splitlines()) == (1, "", [shown[0], size, *shown[3:]])


def test_what_actors_do_is_told_as_the_page_shows(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(blocks("python")[1], encoding="utf-8")
    ended = ran(tmp_path, MAIN, "race", "shop:all_is_counted")
    assert (ended.returncode, ended.stderr) == (1, "")
    assert blocks("console")[1] in ended.stdout


def test_a_history_that_is_not_linearizable_is_told_as_the_page_shows(tmp_path: Path) -> None:
    [program] = [block for block in blocks("python") if "nothing_is_sold_twice" in block]
    (tmp_path / "stock.py").write_text(program, encoding="utf-8")
    [console] = [block for block in blocks("console") if "nothing_is_sold_twice" in block]
    asked, *shown = console.splitlines()
    ended = ran(tmp_path, MAIN, *asked.removeprefix("$ greenroom ").split())
    assert (ended.returncode, ended.stderr, ended.stdout.splitlines()) == (1, "", shown)


def test_a_machine_is_told_as_the_page_shows_and_its_token_leads_to_it_again(tmp_path: Path) -> None:
    [program] = [block for block in blocks("python") if "class Office(races.StateMachine" in block]
    (tmp_path / "test_tickets.py").write_text(program, encoding="utf-8")
    [console] = [block for block in blocks("console") if "open_machine(Office" in block]
    asked, *shown = console.splitlines()
    run = "import sys, pytest; sys.exit(pytest.main(['-p', 'no:cacheprovider', *sys.argv[1:]]))"
    text = "\n".join(f"E   {line}" for line in shown)
    for command in (asked, shown[-1]):
        ended = ran(tmp_path, run, "--tb=short", *command.partition("pytest ")[2].split())
        assert ended.returncode == 1, ended.stdout
        assert text.replace("; no fewer do", "") in ended.stdout.replace("; no fewer do", ""), ended.stdout


def test_the_example_passes_as_a_plain_trio_program(tmp_path: Path) -> None:
    program = f"{blocks('python')[0]}\nfor _ in range(200):\n    trio.run(one_connection, None)\n"
    ended = ran(tmp_path, program)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_proof_within_a_bound_says_what_the_page_shows(tmp_path: Path) -> None:
    [program] = [block for block in blocks("python") if "races.prove(two_tills)" in block]
    [shown] = [block for block in blocks("text") if block.startswith("no schedule fails")]
    ended = ran(tmp_path, program)
    assert (ended.returncode, ended.stderr) == (0, "")
    plain, reduced = ended.stdout.splitlines()
    plain_shown, reduced_shown = shown.splitlines()
    assert plain == plain_shown
    # How much is known to be harmless depends on the version of Trio; what is left out and what is run are all there is.
    assert re.sub(r"\d+", "N", reduced) == re.sub(r"\d+", "N", reduced_shown)
    run, _, _, spared, _ = map(int, re.findall(r"\d+", reduced))
    assert run + spared == int(re.findall(r"\d+", plain)[0])
    assert run < 100
