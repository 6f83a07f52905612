"""Requests in a bundle are as requests that are a letter each: whole programs come out the same, line by line."""

import logging
from collections.abc import Generator
from random import Random
from typing import Any

import pytest
from trio._core import _run

from greenroom.actors import _asking, _poll, _pool, _solo, _steps
from greenroom.actors._bundled import BundledAsks

from .many_program import play

EACH = 40


@pytest.fixture
def is_repeatable(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Let nothing depend on how fast this machine is, or on what Trio draws."""
    monkeypatch.setattr(_run, "_ALLOW_DETERMINISTIC_SCHEDULING", True)
    for module in (_steps, _pool, _solo):
        monkeypatch.setattr(module, "perf_counter", lambda: 0.0)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def played(seed: int, monkeypatch: pytest.MonkeyPatch, send: Any) -> list[Any]:
    with monkeypatch.context() as patch:
        patch.setattr(_run, "_r", Random(seed))
        patch.setattr(_poll, "accept_bundle", send)
        return play(seed)


@pytest.mark.usefixtures("is_repeatable")
@pytest.mark.parametrize("first", range(0, 4 * EACH, EACH))
def test_a_program_comes_out_the_same_if_each_request_is_a_letter(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """P13, P14, P16, P17, P18: order, seqs, dead letters, answers, errors and edges."""
    bundled = 0

    def count(slot: Any, bundle: BundledAsks) -> None:
        nonlocal bundled
        bundled += len(bundle.places) > 1
        _asking.accept_bundle(slot, bundle)

    def send_letters(_slot: Any, bundle: BundledAsks) -> None:
        for asked in bundle.make_unsent():
            bundle.poll._send_one(asked)

    for seed in range(first, first + EACH):
        trace = played(seed, monkeypatch, count)
        assert len(trace) > 20
        assert trace == played(seed, monkeypatch, send_letters), seed
    assert bundled > EACH
