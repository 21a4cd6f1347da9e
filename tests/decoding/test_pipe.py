"""Several decodings, one after the other."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from pydantic import ValidationError

from livn import Run
from livn.decoding import AvalancheAnalysis, Decoding, Pipe, Slice, StimulusResponse
from tests.decoding.helpers import culture, trains


class Plain:
    """A stage without `setup` and `reset`."""

    def __call__(self, data: Any, env: Any) -> Any:
        return ("plain", data, env)


class Told(Decoding):
    """A stage that tells of its calls in a list shared by all."""

    name: str = "told"

    def setup(self, env: Any) -> None:
        CALLS.append((self.name, "setup", env))

    def reset(self, **kwargs: Any) -> None:
        CALLS.append((self.name, "reset", kwargs))

    def __call__(self, signal: Any, env: Any = None) -> Any:
        return f"{signal} {self.name}"


CALLS: list[Any] = []


def counting(data: Any, env: Any) -> Any:
    """A stage that counts calls, in the state and in the context of the pipe that runs it."""
    for shared in (env.decoding.context, env.decoding.state):
        shared["calls"] = shared.get("calls", 0) + 1
    return dict(env.decoding.context), dict(env.decoding.state)


def test_stages_follow_each_other() -> None:
    pipe = Pipe([Told("a"), None, lambda data, env: f"{data} {env}", Told("b")], 10)
    assert pipe("run", "env") == "run a env b"
    assert pipe.duration == 10
    assert Pipe([None])("as it came") == "as it came"
    assert Pipe(())(5) == 5


def test_runs_go_through() -> None:
    run = trains({0: [1, 60], 1: [2.5]}, 100)
    assert Pipe([Slice(0, 50), AvalancheAnalysis(1)])(run) == AvalancheAnalysis(1)(run.slice(0, 50))
    assert Pipe([Slice(0, 50), None])(run) == run.slice(0, 50)


def test_setup_and_reset_reach_the_stages_that_have_them() -> None:
    CALLS.clear()
    pipe = Pipe([Told("a"), None, Plain(), counting, Pipe([Told("b")])])
    pipe.setup("env")
    pipe.reset(seed=3)
    assert CALLS == [
        ("a", "setup", "env"),
        ("b", "setup", "env"),
        ("a", "reset", {"seed": 3}),
        ("b", "reset", {"seed": 3}),
    ]


def test_context_is_of_a_call_and_state_of_all_until_clear() -> None:
    with culture().init() as env:
        pipe = Pipe([counting], 1.0)
        assert env(pipe) == ({"calls": 1}, {"calls": 1})
        assert env(pipe) == ({"calls": 1}, {"calls": 2})
        assert (pipe.context, pipe.state) == ({"calls": 1}, {"calls": 2})
        pipe.reset()
        assert pipe.state == {"calls": 2}
        pipe.clear()
        assert (pipe.context, pipe.state) == ({}, {})
        assert env(pipe) == ({"calls": 1}, {"calls": 1})


def test_context_of_a_call_stays_with_whom_has_it() -> None:
    pipe = Pipe([None])
    pipe.context["x"], kept = 1, pipe.context
    pipe(0)
    assert kept == {"x": 1}
    assert pipe.context == {}


def test_pipes_do_not_share() -> None:
    a, b = Pipe([None]), Pipe([None])
    a.state["x"] = 1
    assert b.state == {}


def test_state_is_no_part_of_what_a_pipe_is() -> None:
    pipe, other = Pipe([Told("a"), counting, None], 5), Pipe([Told("a"), counting, None], 5)
    before = hash(pipe)
    pipe.state["f"] = pipe.context["f"] = lambda: "what cannot be pickled"
    assert pipe == other
    assert hash(pipe) == before == hash(other)
    again = pickle.loads(pickle.dumps(pipe))
    assert again == pipe
    assert hash(again) == before
    assert (again.context, again.state) == ({}, {})
    again.state["x"] = 1
    assert again("run", type("Env", (), {"decoding": again})) == ({"calls": 1}, {"x": 1, "calls": 1})
    assert copy.deepcopy(pipe) == pipe
    assert pipe != Pipe([Told("b"), counting, None], 5)
    assert pipe != Pipe([Told("a"), counting], 5)
    assert hash(pipe) != hash(Pipe([Told("b"), counting, None], 5))


def test_state_set_by_name_is_refused() -> None:
    pipe = Pipe([None])
    with pytest.raises((AttributeError, ValidationError)):
        pipe.state = {}  # type: ignore[misc]
    with pytest.raises(ValidationError, match="unknown field 'state'"):
        Pipe([None], state={})


def test_get_stage() -> None:
    a, b, plain = Told("a"), Told("b"), Plain()
    pipe = Pipe([None, a, plain, b, counting])
    assert pipe.get_stage(Told) is a
    assert pipe.get_stage("Told") is a
    assert pipe.get_stage(Plain) is pipe.get_stage("Plain") is plain
    assert pipe.get_stage("counting") is counting
    with pytest.raises(KeyError, match="unknown stage 'Tolt'; legal: Told, Plain, counting; did you mean 'Told'"):
        pipe.get_stage("Tolt")
    with pytest.raises(KeyError, match="unknown stage 'Slice'"):
        pipe.get_stage(Slice)
    with pytest.raises(KeyError, match="legal: none"):
        Pipe([None]).get_stage("Told")


def test_output_space_is_that_of_the_last_stage() -> None:
    class Spaced(Decoding):
        @property
        def output_space(self) -> Any:
            return "space"

    assert Pipe([Told(), Spaced(), None]).output_space == "space"
    assert Pipe([Spaced(), counting]).output_space is None
    assert Pipe([None]).output_space is None


@pytest.mark.parametrize(
    ("stages", "text"),
    [
        ([1], "callable"),
        ([Told(), "Told"], "callable"),
        ([Slice], r"a stage must be an object, Slice\(...\), not the class Slice"),
        (Told(), "tuple"),
        (None, "tuple"),
    ],
)
def test_nonsense_stages(stages: Any, text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        Pipe(stages)


def test_a_stage_that_fails_tells_its_own_error() -> None:
    with pytest.raises(TypeError, match="this decoding reads a Run"):
        Pipe([lambda data, env: None, StimulusResponse()])(Run())
