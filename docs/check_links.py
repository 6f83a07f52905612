"""Check the links of the built site: `python -P docs/check_links.py site/html`.

A link to a page, a file or a place in a page of the site has to lead somewhere. Of links to elsewhere only the form is checked, as a build needs no
network: each is https, and names a host.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """Gather where a page leads to, and which places it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a tag's links and of its name."""
        for name, value in attrs:
            if value is None:
                continue
            if name == "id" or (tag == "a" and name == "name"):
                self.places.add(value)
            elif name in {"href", "src"}:
                self.links.append(value)


def what_is_wrong(folder: Path) -> list[str]:
    """Say of each link that leads nowhere where it stands, each once."""
    pages = {path.resolve(): Page(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.html"))}
    wrong: dict[str, None] = {}
    for path, page in pages.items():
        shown = path.relative_to(folder.resolve())
        for link in page.links:
            if problem := _problem(path, link, pages):
                wrong[f"{shown}: {link}: {problem}"] = None
    if not pages:
        wrong[f"{folder}: there are no pages"] = None
    return list(wrong)


def _problem(path: Path, link: str, pages: dict[Path, Page]) -> str:
    parts = urlsplit(link)
    if parts.scheme in {"data", "mailto"}:
        return ""
    if parts.scheme or parts.netloc:
        return "" if parts.scheme == "https" and parts.netloc else "a link to elsewhere is https, and names a host"
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return "there is no such file"
    place = unquote(parts.fragment)
    if place and target in pages and place not in pages[target].places:
        return "there is no such place in that page"
    return ""


if __name__ == "__main__":
    problems = what_is_wrong(Path(sys.argv[1]))
    for each in problems:
        print(each, file=sys.stderr)  # noqa: T201 -- what a check says
    sys.exit(bool(problems))
