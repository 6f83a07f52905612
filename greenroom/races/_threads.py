"""Threads of a scenario: what `trio.to_thread.run_sync` is given runs inline, is refused, or runs in a thread.

Trio starts a thread by a function of one of its modules. In its place stands one that asks the run that this thread is in; so does the start of any
other thread, to be told. Inline, what was given
runs at once, in the step that asks for it, and its end is a task of its own: so what goes on before it is heard of, a cancellation among it, is a
choice like any other. A self-test says whether the installed Trio lets itself be hooked so; if not, threads are real, and told as not controlled.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from functools import cache, partial
from threading import Thread, get_ident, local
from typing import Any, Final, Literal

import attrs
import trio
from trio import _threads as _trio_threads

from .._borrowed import Borrowed
from ._errors import ThreadRefused

#: "inline": what is given to a thread runs at once, in the step that asks for it; "refuse": it raises `ThreadRefused`; "real": it runs in a thread,
#: at its own pace.
Threads = Literal["inline", "refuse", "real"]

trio_threads: Any = _trio_threads
_here = local()
_thread_class: Any = Thread


@attrs.frozen
class _Outcome:
    """Hold what came of a function, as Trio takes it."""

    value: Any
    error: BaseException | None

    def unwrap(self) -> Any:
        """Return it, or raise it."""
        if self.error is not None:
            raise self.error
        return self.value


class ThreadWork:
    """See to what one scenario gives to threads.

    Args:
        mode: what becomes of it.
    """

    def __init__(self, mode: Threads) -> None:
        self.mode: Threads = mode if mode != "inline" or threads_work() else "real"
        #: how much has been begun in real threads of which Trio has not heard the end.
        self.in_flight = 0
        #: True once something ran in a thread.
        self.ran_real = False
        #: threads that the scenario started itself, without Trio.
        self.started: list[Thread] = []
        #: what runs inline now.
        self.inline: str | None = None

    def start(self, fn: Callable[[], Any], deliver: Callable[[Any], object], name: str | None) -> None:
        """Stand for Trio's `start_thread_soon`: have `fn` done, and its outcome delivered."""
        if self.mode == "refuse":
            raise ThreadRefused(
                f"{_function_in(fn, name)} was given to a thread, and threads='refuse'; give threads='inline' to have it run "
                "within the step, or threads='real'"
            )
        if self.mode == "real":
            self._start_real(fn, deliver, name)
            return
        self.inline = _function_in(fn, name)
        try:
            result = _run_inline(fn)
            if result.error is not None and _is_nested_run(result.error):
                text = f"{self.inline} runs inline, in the loop's own thread, which has a Trio run already; give threads='real'"
                error = ThreadRefused(text)
                error.__cause__ = result.error
                result = _Outcome(None, error)
        finally:
            self.inline = None
        # Not by `deliver`, which wakes the loop through a socket: when the loop looks there is not for us to say.
        report = _free(deliver, "report_back_in_trio_thread_fn")

        async def end() -> None:
            report(result)

        trio.lowlevel.spawn_system_task(end, name=f"end of {name}")

    def _start_real(self, fn: Any, deliver: Any, name: str | None) -> None:
        token = trio.lowlevel.current_trio_token()

        def told(result: Any) -> None:
            deliver(result)
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(self._one_less)

        self.in_flight += 1
        self.ran_real = True
        _ways_to_threads.before[0](fn, told, name)

    def note(self, thread: Thread) -> None:
        """Hear of a thread that is started by what the scenario calls; Trio's own are known already."""
        if not thread.name.startswith("Trio thread "):
            self.ran_real = True
            self.started.append(thread)

    @property
    def is_awaited(self) -> bool:
        """True while anything that runs in a thread may yet be heard of."""
        return self.in_flight > 0 or any(thread.is_alive() for thread in self.started)

    def call_back(self, token: Any, message: Any) -> Any:
        """Stand for what `trio.from_thread` does, for a function that runs inline.

        Raises:
            ThreadRefused: it is to wait for an async function, which cannot go on before the function returns.
        """
        ours = token is None or token is trio.lowlevel.current_trio_token()
        if ours and isinstance(message, trio_threads.RunSync):
            message.run_sync()  # the loop's thread is this one
            return message.queue.get().unwrap()
        raise ThreadRefused(
            f"trio.from_thread: {self.inline} runs inline, in the loop's own thread, and cannot wait for the loop; give threads='real'"
        )

    def _one_less(self) -> None:
        self.in_flight -= 1


@trio.lowlevel.disable_ki_protection
def _run_inline(fn: Callable[[], Any]) -> _Outcome:
    try:
        return _Outcome(fn(), None)
    except BaseException as error:  # noqa: BLE001 -- it goes on, to whoever asked
        return _Outcome(None, error)


def _is_nested_run(error: BaseException) -> bool:
    """Return whether it is Trio's word on a `trio.run` in a thread that has one already."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return type(error) is RuntimeError and trace is not None and trace.tb_frame.f_code.co_name == "setup_runner"


def _function_in(fn: Any, name: str | None) -> str:
    """Return what to call what was given to `trio.to_thread.run_sync`, out of the function that Trio has put around it."""
    try:
        inner = _free(fn, "sync_fn")
    except LookupError:
        return name or repr(fn)
    return str(getattr(inner, "__qualname__", None) or repr(inner))


def _free(function: Any, name: str) -> Any:
    """Return what a name in a function means that comes from around it.

    Raises:
        LookupError: there is no such name.
    """
    try:
        return function.__closure__[function.__code__.co_freevars.index(name)].cell_contents
    except (AttributeError, ValueError, TypeError):
        raise LookupError(name) from None


def _start_thread_soon(fn: Any, deliver: Any, name: str | None = None) -> None:
    work: ThreadWork | None = getattr(_here, "work", None)
    (_ways_to_threads.before[0] if work is None else work.start)(fn, deliver, name)


def _start_thread(thread: Thread) -> None:
    work: ThreadWork | None = getattr(_here, "work", None)
    if work is not None:
        work.note(thread)
    _ways_to_threads.before[2](thread)


def _send_message_to_trio(trio_token: Any, message_to_trio: Any) -> Any:
    work: ThreadWork | None = getattr(_here, "work", None)
    send = _ways_to_threads.before[1] if work is None or work.inline is None else work.call_back
    return send(trio_token, message_to_trio)


def _look() -> tuple[Any, Any, Any]:
    return trio_threads.start_thread_soon, trio_threads._send_message_to_trio, _thread_class.start  # noqa: SLF001 -- the hook


def _put(ways: tuple[Any, Any, Any]) -> None:
    trio_threads.start_thread_soon, trio_threads._send_message_to_trio, _thread_class.start = ways  # noqa: SLF001


_ways_to_threads: Final = Borrowed(
    _look, partial(_put, (_start_thread_soon, _send_message_to_trio, _start_thread)), _put
)


@contextmanager
def threads_hooked() -> Generator[None]:
    """Let `use` say what becomes of what this thread's Trio run gives to threads meanwhile."""
    if not _has_names():
        yield
        return
    with _ways_to_threads:
        try:
            yield
        finally:
            use(None)


def use(work: ThreadWork | None) -> None:
    """Hand what this thread's Trio run gives to threads to `work` from now on; None leaves it to Trio."""
    _here.work = work


def _has_names() -> bool:
    return all(hasattr(trio_threads, name) for name in ("start_thread_soon", "_send_message_to_trio", "RunSync"))


@cache
def threads_work() -> bool:
    """Tell whether the installed Trio lets itself be hooked: by a function whose thread is known. Not within Trio, the first time."""
    if not _has_names():
        return False
    seen: list[Any] = []

    async def main() -> None:
        work = ThreadWork("real")
        work.mode = "inline"
        use(work)
        seen.append(await trio.to_thread.run_sync(get_ident))
        seen.append(await trio.to_thread.run_sync(trio.from_thread.run_sync, get_ident))

    try:
        with threads_hooked():
            trio.run(main)
    except Exception:  # noqa: BLE001 -- whatever goes wrong, it does not work
        return False
    return seen == [get_ident(), get_ident()]
