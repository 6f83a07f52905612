"""The site says something of all that is public, its links lead somewhere, and what makes it does what it says."""

import importlib
import re
import runpy
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = (*(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")), *sorted(DOCS.rglob("*.md")))
DIRECTIVE = re.compile(r"^\.\. auto(\w+):: (\S+)$", re.MULTILINE)
MARKUP: dict[str, Any] = runpy.run_path(str(DOCS / "markup.py"))
MODULES: tuple[str, ...] = MARKUP["MODULES"]
WHAT_IS_WRONG: Any = runpy.run_path(str(DOCS / "check_links.py"))["what_is_wrong"]


def public() -> Iterator[tuple[str, Any]]:
    for module in MODULES:
        namespace = importlib.import_module(module)
        for name in namespace.__all__:
            yield f"{module}.{name}", getattr(namespace, name)


def is_error(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, BaseException)


ERRORS = [full for full, thing in public() if is_error(thing)]


def test_the_site_knows_the_modules_whose_names_are_public() -> None:
    packages = [f"greenroom.{path.parent.name}" for path in (ROOT / "greenroom").glob("*/__init__.py")]
    public = {name for name in packages if hasattr(importlib.import_module(name), "__all__")}
    assert public | {"greenroom", "greenroom.races.catalogue"} == set(MODULES), "docs/markup.py: MODULES"


@pytest.mark.parametrize("full", ERRORS)
def test_each_error_has_a_page_that_says_what_it_means_when_it_is_raised_and_what_to_do(full: str) -> None:
    name = full.rpartition(".")[2]
    page = DOCS / "errors" / f"{name}.md"
    assert page.is_file(), (
        f"write {page.relative_to(ROOT)}, as its neighbours are, and put it into docs/errors/index.md"
    )
    title, *sections = re.split(r"^## ", page.read_text(), flags=re.MULTILINE)
    heading, _, meaning = title.partition("\n")
    assert (heading, bool(meaning.strip())) == (f"# {name}", True)
    texts = {head: text.strip() for head, _, text in (section.partition("\n") for section in sections)}
    assert [head for head in texts if head != "Example"] == ["When it is raised", "What to do", "Reference"]
    assert list(texts)[2:3] == ["Example"] or "Example" not in texts
    assert all(texts.values())
    assert DIRECTIVE.findall(texts["Reference"]) == [("exception", full)]


def test_there_is_no_page_of_an_error_that_is_gone_and_the_list_names_each_once() -> None:
    names = sorted(full.rpartition(".")[2] for full in ERRORS)
    assert sorted(page.stem for page in (DOCS / "errors").glob("*.md") if page.stem != "index") == names
    listed = (DOCS / "errors" / "index.md").read_text()
    assert sorted(re.findall(r"^\| \[(\w+)\]\(\1\.md\) \|", listed, re.MULTILINE)) == names


def test_each_public_name_is_in_the_reference_once_as_what_it_is() -> None:
    shown = Counter(
        found for page in sorted((DOCS / "api").glob("*.md")) for found in DIRECTIVE.findall(page.read_text())
    )
    kinds = {
        full: "class"
        if isinstance(thing, type)
        else "function"
        if callable(thing) and hasattr(thing, "__code__")
        else "data"
        for full, thing in public()
        if not is_error(thing)
    }
    wanted = Counter((kind, full) for full, kind in kinds.items())
    shown = Counter({key: count for key, count in shown.items() if key[0] != "module"})
    assert shown == wanted, "put what is new into a page of docs/api, and take out what is gone"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_between_pages_lead_somewhere(page: Path) -> None:
    assert MARKUP["mend_links"](page.read_text(), page.parent)[1] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pictures_are_there_and_found_where_another_page_includes_theirs(page: Path) -> None:
    text = page.read_text()
    pictures = [found for found in re.findall(r"!\[[^\]]*\]\(([^()\s]+)\)", text) if "://" not in found]
    assert [found for found in pictures if not (page.parent / found).is_file()] == []
    included = re.findall(r"^```\{include\} (\S+)\n(.*)", text, re.MULTILINE)
    assert [file for file, option in included if option != ":relative-images:"] == [], (
        "Sphinx would look beside this page"
    )


HANDLES = {
    "ctx": "greenroom.Context",
    "ref": "greenroom.ActorRef",
    "root": "greenroom.Supervisor",
    "sim": "greenroom.races.Sim",
    "token": "greenroom.ReplyToken",
    "turn": "greenroom.Turn",
}


def test_what_the_pages_call_on_a_handle_is_there() -> None:
    things = dict(public())
    missing = {
        f"{page.relative_to(ROOT)}: {found[0]}"
        for page in PAGES
        for found in re.finditer(r"`(?:await )?(\w+)\.([a-z]\w*)", page.read_text())
        if (found[1] in HANDLES and found[2] not in _names(things[HANDLES[found[1]]]))
        or (found[1] == "races" and f"greenroom.races.{found[2]}" not in {*things, *MODULES})
    }
    assert missing == set()


def _names(cls: type) -> set[str]:
    own = {name for base in cls.__mro__ for name in getattr(base, "__annotations__", {})}
    return own | set(dir(cls))


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("as `tell` does", "as ``tell`` does"),
        ("many `Down`s and pre`fix`", r"many :py:obj:`Down <greenroom.Down>`\ s and pre\ ``fix``"),
        ("a * b, name_ and x|y", r"a \* b, name\_ and x\|y"),
        ("`*args` and ``a`b``", "``*args`` and ``a`b``"),
        ("no end `of it", "no end `of it"),
    ],
)
def test_code_in_docstrings_is_code_on_the_site(text: str, made: str) -> None:
    assert MARKUP["as_rst"](text, {"Down": "greenroom.Down"}) == made


def _annotated(
    _one: Annotated[int | None, object()], _part: Annotated[str, object()] | list[int] | None, _none: dict[str, int]
) -> None: ...


def test_what_is_annotated_for_the_program_alone_is_not_shown() -> None:
    hints = get_type_hints(_annotated, include_extras=True)
    shown = [MARKUP["bare"](hints[name]) for name in ("_one", "_part", "_none")]
    assert shown == [int | None, str | list[int] | None, dict[str, int]]


def test_a_docstring_becomes_paragraphs_code_and_sections() -> None:
    given = [
        "Run it.",
        "",
        "    run(`x`)",
        "",
        "Args:",
        "    x: a `y`.",
        "",
        "Raises:",
        "    E: no.",
        "    Others as `run`.",
    ]
    assert MARKUP["mend_docstring"](given, {}) == [
        *("Run it.", "", "::", "", "    run(`x`)", "", "Args:", "    x: a ``y``.", ""),
        *("Raises:", "    E: no.", "", "Others as ``run``."),
    ]
    raises = ["Raises:", "    E, F: no,", "        never. Others as", "    it is."]
    assert MARKUP["mend_docstring"](raises, {}) == [*raises[:3], "", "it is."]
    assert MARKUP["mend_docstring"](["Raises:", "    What it", "    raises.", "", "End."], {}) == [
        *("Raises: What it", "raises.", "", "End.")
    ]
    assert MARKUP["mend_docstring"](["Raises:", "    E: no."], {}) == ["Raises:", "    E: no."]
    with_attributes = MARKUP["with_attributes"]
    assert with_attributes(["One."], ["a", "b"]) == ["One.", "", "Attributes:", "    a:", "    b:"]
    assert with_attributes(["One.", "", "Args:", "    a, b: x."], ["a", "b"]) == ["One.", "", "Args:", "    a, b: x."]
    listed = ["One.", "", "Attributes:", "    a: x,", "        y.", "", "End."]
    assert with_attributes(listed, ["a", "c"]) == [*listed[:5], "    c:", "", "End."]
    several = ["One.", "", "Args:", "    a, b: x,", "        y.", "    c: z.", "", "    d, e: code", "End."]
    assert MARKUP["spread"](several) == [
        *(
            "One.",
            "",
            "Args:",
            "    a: x,",
            "        y.",
            "    b: x,",
            "        y.",
            "    c: z.",
            "",
            "    d, e: code",
            "End.",
        )
    ]
    assert MARKUP["spread"](["Attributes:", "    a, b: x."]) == ["Attributes:", "    a: x.", "    b: x."]
    assert MARKUP["mend_docstring"](["Returns:", "    All it: yes."], {}) == ["Returns:", "    All", "    it: yes."]
    assert MARKUP["mend_docstring"](["Returns:", "    int: it."], {}) == ["Returns:", "    int: it."]
    assert MARKUP["mend_docstring"](["Returns:", '    "a": it.'], {}) == ["Returns:", "    \\", '    "a": it.']
    assert MARKUP["mend_docstring"]([], {}, of_value=True) == []
    assert MARKUP["mend_docstring"](["It is: so", "here."], {}, of_value=True) == ["It", "is: so", "here."]


def test_links_to_files_that_are_no_pages_are_text_and_those_to_nothing_are_told() -> None:
    given = (
        "[a](docs/rest.md#top) [b](examples/fanout) [LICENSE](LICENSE) [c](https://x.example) [d](#here) [e](gone.md)\n"
        "`[f](gone.md)`\n```python\nchannel[int](10)\n```\n![g](docs/race.svg)\n"
    )
    made, missing = MARKUP["mend_links"](given, ROOT)
    assert missing == ["gone.md"]
    assert made == given.replace("docs/rest.md", "/rest.md").replace("[b](examples/fanout)", "b").replace(
        "[LICENSE](LICENSE)", "`LICENSE`"
    )


def test_links_of_the_built_site_are_checked(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "style.css").touch()
    (tmp_path / "one.html").write_text('<link href="style.css"><h1 id="top">1</h1><a href="sub/two.html#end">2</a>')
    two = '<a id="end" href="../one.html#top">1</a><a href="#end">end</a><a href="https://x.example/y">x</a>'
    (tmp_path / "sub" / "two.html").write_text(two)
    assert WHAT_IS_WRONG(tmp_path) == []
    wrong = {
        "three.html": "there is no such file",
        "#nowhere": "there is no such place in that page",
        "../one.html#end": "there is no such place in that page",
        "http://x.example": "a link to elsewhere is https, and names a host",
        "https:///y": "a link to elsewhere is https, and names a host",
    }
    (tmp_path / "sub" / "two.html").write_text(two + "".join(f'<img src="{link}"><a href="{link}">' for link in wrong))
    assert WHAT_IS_WRONG(tmp_path) == [f"sub/two.html: {link}: {why}" for link, why in wrong.items()]


def test_a_site_without_pages_is_no_site(tmp_path: Path) -> None:
    assert WHAT_IS_WRONG(tmp_path) == [f"{tmp_path}: there are no pages"]
