"""Signs of life of a build, and its end on Ctrl-C.

TensorRT holds the calling thread for seconds to an hour. So the build has a thread of its own,
and the caller's thread stays free to hear Ctrl-C and to say now and then how far it is: by
TensorRT's progress monitor where there is one, by its count of messages where not.
"""

import logging
import threading
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, TypeVar

HEARTBEAT_S = 10.0
TICK_S = 0.2
CANCEL_WAIT_S = 30.0
"""A monitor ends a build at its next step; one step of a large model takes seconds."""
LEAST_SHARE_FOR_ETA = 0.05

_LOGGER = logging.getLogger("edgedet.engine")

Result = TypeVar("Result")


class _Phase(NamedTuple):
    parent: Optional[str]
    steps: int
    done: int


class BuildWatch:
    """What is known of a running build; its methods are called from several threads."""

    def __init__(self, log: Any) -> None:
        """log: the TensorRT logger, whose `count` shows that something happens."""
        self._log = log
        self._first_message = log.count
        self._started = time.perf_counter()
        self._spoke = self._started
        self._phases: Dict[str, _Phase] = {}
        self._current = ""
        self.stoppable = False
        """Whether a monitor listens: only then does `cancelled` end the build."""
        self.cancelled = False

    def phase_start(self, name: str, parent: Optional[str], steps: int) -> None:
        """Note that a phase began inside `parent`."""
        self._phases[name] = _Phase(parent, max(1, steps), 0)
        self._current = name

    def step_complete(self, name: str, step: int) -> bool:
        """Note a step; False ends the build."""
        phase = self._phases.get(name)
        if phase is not None:
            self._phases[name] = phase._replace(done=min(phase.steps, step + 1))
        return not self.cancelled

    def phase_finish(self, name: str) -> None:
        """Note that a phase ended; its parent counts it as a step by itself."""
        self._phases.pop(name, None)

    def share(self) -> float:
        """Return how much of the steps is done, in 0..1; 0 without a monitor."""
        phases = dict(self._phases)
        root = next((name for name, phase in phases.items() if phase.parent is None), None)
        return _share(phases, root) if root is not None else 0.0

    def tick(self) -> None:
        """Say something when it is time to."""
        now = time.perf_counter()
        if now - self._spoke >= HEARTBEAT_S:
            self._spoke = now
            _LOGGER.info("building, %.0f s: %s", now - self._started, self._state(now))

    def _state(self, now: float) -> str:
        share = self.share()
        if share >= LEAST_SHARE_FOR_ETA:
            left = (now - self._started) * (1 - share) / share
            return "{} ({:.0%} of the steps, about {:.0f} s left)".format(
                self._current, share, left
            )
        if self._current:
            return self._current
        return "{} messages from TensorRT".format(self._log.count - self._first_message)


def new_monitor(trt: Any, watch: BuildWatch) -> Any:
    """Return an IProgressMonitor that tells the watch."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: Optional[str], num_steps: int) -> None:
            watch.phase_start(phase_name, parent_phase, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            return watch.step_complete(phase_name, step)

        def phase_finish(self, phase_name: str) -> None:
            watch.phase_finish(phase_name)

    watch.stoppable = True
    return Monitor()


def run_watched(work: Callable[[], Result], watch: BuildWatch) -> Result:
    """Return what `work` returns, or raise what it raises.

    Ctrl-C asks the monitor to stop and is raised at once when it has, or when it does not answer:
    TensorRT before 10 cannot be stopped, and its thread ends with the process.
    """
    ended: List[Tuple[Optional[Result], Optional[BaseException]]] = []
    # Not Thread.join: Ctrl-C in it marks a running thread as ended (Python issue 90882).
    done = threading.Event()

    def run() -> None:
        try:
            ended.append((work(), None))
        except BaseException as error:  # goes on in the caller's thread
            ended.append((None, error))
        done.set()

    thread = threading.Thread(target=run, name="edgedet-build", daemon=True)
    try:
        thread.start()
        while not done.wait(TICK_S):
            watch.tick()
    except KeyboardInterrupt:
        watch.cancelled = True
        done.wait(CANCEL_WAIT_S if watch.stoppable else TICK_S)
        raise
    result, error = ended[0]
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


def _share(phases: Dict[str, _Phase], name: str) -> float:
    phase = phases[name]
    inner = [_share(phases, child) for child, other in phases.items() if other.parent == name]
    return min(1.0, (phase.done + max(inner + [0.0])) / phase.steps)
