"""The SDK costs half a second and is an extra: it is imported when a server connects, and its absence is explained."""

import subprocess
import sys


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-P", "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_declaring_a_server_imports_nothing_of_the_sdk() -> None:
    heavy = "sorted({'mcp', 'mcp_types', 'pydantic', 'httpx2', 'anyio'} & set(sys.modules))"
    assert run(f"import sys, greenroom; print({heavy})") == "[]"
    assert (
        run(f"import sys; from greenroom.mcp import mcp_server; mcp_server('a', command='b'); print({heavy})") == "[]"
    )


def test_the_front_door_does_not_open_this_package() -> None:
    assert run("import sys, greenroom; print('greenroom.mcp' in sys.modules)") == "False"


def test_a_missing_sdk_is_explained_where_a_server_is_declared() -> None:
    code = """
import sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "mcp":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hide())
import importlib.util
importlib.util.find_spec = lambda name: None
from greenroom.mcp import McpNotInstalled, mcp_server
mcp_server("a", command="b", enabled=False)
try:
    mcp_server("a", command="b")
except McpNotInstalled as error:
    assert isinstance(error, ImportError)
    print(error)
"""
    assert run(code) == "MCP servers need the MCP SDK, which is not installed; run: pip install greenroom[mcp]"
