"""Entry point: PID 1's part, the command line, and errors turned into one message and an exit code."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn

from bootstrap.host.component import component, run_component
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.names import APPROVER_WORDS

NODE_VERBS = ("init", "join", "node")
ENDING = (Exit.BUG, Exit.USAGE, Exit.CONFIG, Exit.PREFLIGHT, Exit.IMAGE)
"""Codes that end a node container whether it was asked for or not."""
KEPT_REQUEST = "BOOTSTRAP_KEPT_REQUEST"
"""Set by bootstrap-init.service: the arguments are those that the container was started with."""


UMASK = 0o022
OF_THE_MACHINE = (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""Numbers of errors that a full or broken disk, or a limit, causes: no bug, wherever they come up."""


def main() -> int:
    os.umask(UMASK)  # what is just made has its final mode at once, whatever the caller's umask
    argv = sys.argv[1:]
    if os.environ.get(KEPT_REQUEST):
        return _unit()
    if name := component(argv):
        return guarded(lambda: run_component(name, argv[1:]))
    if argv and argv[0] in NODE_VERBS and not _asks_only(argv):
        return guarded(lambda: _start(argv))
    if argv == ["healthcheck"]:
        return answer_healthcheck()
    if tuple(argv) == APPROVER_WORDS:
        follow()
    return guarded(lambda: _command_line(argv))


def follow() -> NoReturn:
    """Past the command line's imports: it stays in memory."""
    from bootstrap.workflows.approve import follow
    from bootstrap.workflows.mode import enter

    follow(enter()[1])


def answer_healthcheck(output: str = "text") -> int:
    """Past the command line's imports: Docker asks every few seconds, while the cluster needs the CPU."""
    from bootstrap.host.node.health import health

    problem = health()
    print(json.dumps({"healthy": not problem, "problem": problem}) if output == "json" else problem or "healthy")
    return Exit.WAIT if problem else Exit.OK


def _asks_only(argv: Sequence[str]) -> bool:
    """`--help` and a dry run make no node, and one phase alone (files, mostly) needs none."""
    alone = argv[1:2] == ["phase"] and os.getpid() != 1
    return alone or any(word in ("--help", "-h", "--dry-run") for word in argv)


def _start(argv: Sequence[str]) -> int:
    """A container that is to be a node becomes one first; the command itself then runs in the unit."""
    from bootstrap.host.node import pid1
    from bootstrap.host.node.dry_run import wants_dry_run
    from bootstrap.workflows.mode import may_boot

    if not wants_dry_run(argv) and may_boot():
        pid1.become_node(argv)  # does not return
    return _command_line(argv)


def _unit() -> int:
    """The oneshot unit's run; what a rerun cannot cure, a bug as well, ends the container with its code."""
    from bootstrap.host.live import LiveHost
    from bootstrap.host.node.pid1 import kept_request
    from bootstrap.model.names import STATE_CONFIG, UPGRADE_ASKED

    argv: list[str] = []

    def run() -> int:
        argv[:], environment = kept_request()
        os.environ.update(environment)
        sys.argv[1:] = argv  # who waits for us is told what we do
        host = LiveHost()
        stored = host.read(STATE_CONFIG)
        if argv[:1] == ["node"] and stored:
            argv[:] = [_verb_of(stored)]  # an empty node that was given a cluster later has one from then on
        if stored and host.stat(UPGRADE_ASKED):
            words = ["apply", "-y"] if _verb_of(stored) == "init" else ["node"]
            if code := _command_line(["upgrade", *words]):
                return code
            host.remove(UPGRADE_ASKED)
        return _command_line(argv)

    code = guarded(run)
    if code and (code in ENDING or "--exit-on-failure" in argv):
        LiveHost().run(["systemctl", "exit", str(int(code))])
    return code


def _verb_of(stored: bytes) -> str:
    """What made a node of this machine."""
    from bootstrap.config import read_stored

    return "join" if read_stored(stored).node.server else "init"


def _command_line(argv: Sequence[str]) -> int:
    from bootstrap.cli.app import app
    from bootstrap.cli.flags.inputs import table_of_timings, with_truths
    from bootstrap.cli.flags.phases import phase_arguments

    result = app(
        args=with_truths(table_of_timings(phase_arguments(argv))), prog_name="bootstrap", standalone_mode=False
    )
    return result if isinstance(result, int) else Exit.OK


def guarded(run: Callable[[], int]) -> int:
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = run()
        if code == Exit.INTERRUPTED:  # what typer makes of KeyboardInterrupt
            _leave()
        return code
    except BootstrapError as e:
        from bootstrap.cli.screens.screen import show_error

        show_error(e)
        return e.code
    except KeyboardInterrupt:
        _leave()
    except Exception as e:
        return _usage_or_bug(e)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """SIGTERM (docker stop, systemctl stop) ends a run as Ctrl-C does."""
    raise KeyboardInterrupt


def _leave() -> NoReturn:
    """Ends at once: threads of the run may wait for a command or an answer, and a normal exit would wait for them."""
    from bootstrap.cli.screens.screen import say

    say("interrupted", "✗", error=True)
    say("   next   run the same command again: it goes on where it stopped", error=True)
    sys.stdout.flush()
    os._exit(Exit.INTERRUPTED)


def _usage_or_bug(error: Exception) -> int:
    import typer

    from bootstrap.cli.screens.screen import say

    if isinstance(error, typer.Abort):  # a question was not answered
        _leave()
    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        say(error.format_message(), "✗", error=True)
        say(f"   next   {context.command_path if context else 'bootstrap'} --help", error=True)
        return Exit.USAGE
    if isinstance(error, BrokenPipeError):  # `bootstrap images list | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.INTERRUPTED
    if isinstance(error, OSError) and error.errno in OF_THE_MACHINE:
        say(f"the machine refused: {error}", "✗", error=True)
        say("   next   look for the reason (df -h; df -i; dmesg | tail), then the same command again", error=True)
        return Exit.EFFECT
    if type(error) is ConnectionError:  # of a client of the API (host/port.py)
        say(f"the API server does not answer: {error}", "✗", error=True)
        say("   next   bootstrap diagnose, on a control plane; then the same command again", error=True)
        return Exit.API
    say("".join(traceback.format_exception(error)).rstrip(), error=True)
    say(f"a bug in bootstrap: {type(error).__name__}: {error}", "✗", error=True)
    say("   next   report it with the lines above; what state the node is in says: bootstrap diagnose", error=True)
    return Exit.BUG
