"""The front door imports what is behind it when it is first asked for."""

import importlib
import subprocess
import sys

import pytest

import greenroom
from greenroom._lazy import find_later


@pytest.mark.parametrize("package", ["greenroom", "greenroom.testing", "greenroom.lab"])
def test_every_public_name_can_be_had_from_the_package(package: str) -> None:
    module = importlib.import_module(package)
    for name in module.__all__:
        assert getattr(module, name) is getattr(module, name)
        assert name in vars(module)


def test_a_name_that_is_not_there_is_an_attribute_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="module 'greenroom' has no attribute 'Acter'"):
        _ = greenroom.Acter  # type: ignore[attr-defined]


@pytest.mark.parametrize("package", ["greenroom", "greenroom.testing", "greenroom.races", "greenroom.lab"])
def test_public_names_are_listed_before_they_are_asked_for(package: str) -> None:
    program = f"import {package} as package; print(set(package.__all__) - set(vars(package)), *dir(package))"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert not done.stdout.startswith("set()")
    assert set(importlib.import_module(package).__all__) <= set(done.stdout.split())


def test_a_public_name_that_no_room_has_is_an_attribute_error() -> None:
    find = find_later({"__name__": "greenroom", "__all__": ["Nobody"]}, (".mailbox",))
    with pytest.raises(AttributeError, match="'Nobody'"):
        find("Nobody")


def test_the_front_door_is_light_until_something_is_taken_through_it() -> None:
    program = (
        "import sys, greenroom\n"
        "print(greenroom.__version__, 'trio' in sys.modules)\n"
        "greenroom.Actor, greenroom.mailbox\n"
        "print('trio' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [greenroom.__version__, "False", "True"]
