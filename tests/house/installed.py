"""Run the test-suite against the installed wheel, from an empty folder.

`--lowest` pins every dependency of the project that has a lower bound to that bound.
"""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BOUND = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?>=([0-9.]+)$")
EXTRAS_OF_USERS = ("mcp", "cli", "plot", "newsroom")


def lower_bounds() -> list[str]:
    """Pin what users install; what only the tests use may be as new as it likes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(row for name in EXTRAS_OF_USERS for row in project["optional-dependencies"][name]),
    ]
    return [f"{found[1]}=={found[2]}" for row in wanted if (found := BOUND.match(row))]


def main(*, lowest: bool) -> int:
    """Build, install, test; the exit code is pytest's, or that of the first step that failed."""
    with tempfile.TemporaryDirectory(prefix="greenroom-") as folder:
        work = Path(folder)
        empty, dist, python = work / "empty", work / "dist", work / "venv" / "bin" / "python"
        empty.mkdir()
        build = [sys.executable, "-P", "-m", "build", "--no-isolation", "--outdir", str(dist), str(ROOT)]
        built = subprocess.run(build, cwd=empty, capture_output=True, text=True, check=False)
        if built.returncode:
            sys.stderr.write(built.stdout + built.stderr)
            return built.returncode
        venv.create(work / "venv", with_pip=True)
        constraints = work / "constraints.txt"
        constraints.write_text("\n".join(lower_bounds()) if lowest else "")
        wheel = next(dist.glob("*.whl"))
        pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        if code := subprocess.run([*pip, "-c", str(constraints), f"{wheel}[test]"], cwd=empty, check=False).returncode:
            return code
        where = "import greenroom, sys; sys.exit('site-packages' not in greenroom.__file__)"
        subprocess.run([str(python), "-c", where], cwd=empty, check=True)
        options = ["-n", "2", "--dist=loadgroup", "--max-worker-restart=0", "-p", "no:cacheprovider"]
        pytest = [str(python), "-m", "pytest", *options, str(ROOT / "tests")]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(pytest, cwd=empty, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(lowest="--lowest" in sys.argv[1:]))
