"""Nonsense at the calls that set weights, noise, parameters of cells, and learning."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from livn.errors import UnknownName
from tests.env.helpers import Twins
from tests.env.nonsense import (
    INF,
    NAN,
    NO_FINITE,
    NO_MAPPING,
    NO_TEXT,
    OBJECT,
    Case,
    numbers,
    refuse,
    values,
)


def settings() -> Iterator[Case]:
    yield from values(
        "set_weights", lambda e, v: e.set_weights(v), NO_MAPPING, TypeError, "mapping of weight names to numbers"
    )
    yield from numbers(
        "weight", lambda e, v: e.set_weights({"EXC_EXC": v}), "weight 'EXC_EXC' must be", bad=[-1.0, 1e300]
    )
    unknown = [
        "",
        "EXC",
        "EXC_",
        "EXC_EXC-",
        "EXC_EXC-soma",
        "EXC_EXC-axon",
        "INH_EXC-axon",
        "EXC_EXC-dend-AMPA-x",
        "-weight",
        5,
        None,
    ]
    for key in unknown:
        yield (
            f"weight key {key!r}",
            lambda e, k=key: e.set_weights({k: 1.0}),
            KeyError,
            "unknown weight .*; legal: EXC_EXC-dend-AMPA-weight",
        )
    for key, hint in [
        ("EXC_EXCC", "EXC_EXC"),
        ("exc_exc", "EXC_EXC"),
        ("EXC_EXC-dent", "EXC_EXC-dend"),
        ("EXC_INH-soma-GABA_a", "EXC_INH-soma-GABA_A"),
    ]:
        yield f"weight key {key}", lambda e, k=key: e.set_weights({k: 1.0}), UnknownName, f"did you mean '{hint}'"
    yield "multipliers as weights", lambda e: e.set_weights(e.get_weights()), TypeError, "set_multipliers"
    yield "multipliers as a dict", lambda e: e.set_weights(dict(e.get_weights())), TypeError, "set_multipliers"
    yield "second weight", lambda e: e.set_weights({"EXC_EXC": 3.0, "INH_INH": -1}), ValueError, "INH_INH"
    yield "second key", lambda e: e.set_weights({"EXC_EXC": 3.0, "INH_IN": 1}), KeyError, "INH_IN"

    yield from values("set_noise", lambda e, v: e.set_noise(v), NO_MAPPING, TypeError, "set_noise takes a mapping")
    for name, bad in [
        ("g_e0", [-1.0, 1e300]),
        ("std_i", [-1.0, 1e300]),
        ("tau_e", [0.0, -1.0, 1e300]),
        ("E_i", [-201.0, 1e300]),
    ]:
        kinds = [
            c
            for c in numbers(name, lambda e, v, n=name: e.set_noise({n: v}), f"{name} must be", bad=bad)
            if c[0] != f"{name} dict"
        ]
        yield from kinds
        yield (
            f"{name} of INH",
            lambda e, n=name: e.set_noise({"EXC": {"g_e0": 0.0}, "INH": {n: NAN}}),
            ValueError,
            f"{name} of INH must be",
        )
    for name, noise, error, text in [
        ("unknown", {"ge0": 1e-3}, KeyError, "did you mean 'g_e0'"),
        ("unknown in EXC", {"EXC": {"taue": 3}}, KeyError, "did you mean 'tau_e'"),
        ("unknown population", {"EXCC": {"g_e0": 1e-3}}, KeyError, "did you mean 'EXC'"),
        ("mixed", {"EXC": {"g_e0": 1e-4}, "g_i0": 1e-4}, ValueError, "not both"),
        ("no mapping", {"EXC": 3}, TypeError, "noise of EXC must be a mapping"),
        ("no mapping either", {"EXC": None, "INH": {}}, TypeError, "noise of EXC must be a mapping"),
        ("key", {5: 1e-4}, KeyError, "unknown noise parameter 5"),
        ("second", {"g_e0": 1e-3, "tau_i": -1}, ValueError, "tau_i"),
    ]:  # fmt: skip
        yield f"noise {name}", lambda e, n=noise: e.set_noise(n), error, text

    yield from values("set_params", lambda e, v: e.set_params(v), NO_MAPPING, TypeError, "set_params takes a mapping")
    for name, params, error, text in [
        ("key", {3: 1.0}, TypeError, "mapping of names"),
        ("no route", {"foo": 1.0}, KeyError, "unknown weight 'foo'"),
        ("route misspelt", {"weights-EXC_EXC": 1.0}, KeyError, "unknown weight 'weights-EXC_EXC'"),
        ("weight", {"weight-EXC_EXCC": 1.0}, KeyError, "did you mean 'EXC_EXC'"),
        ("noise", {"noise-g_e": 1.0}, KeyError, "did you mean 'g_e0'"),
        ("noise population", {"noise-EXCC-g_e0": 1e-3}, KeyError, "did you mean 'EXC'"),
        ("cells", {"cells-soma.gpas": 1.0}, KeyError, "did you mean 'soma.g_pas'"),
        ("cells population", {"cells-EXCC:soma.g_pas": 1e-4}, KeyError, "did you mean 'EXC'"),
        ("io", {"io-input_radios": 5.0}, KeyError, "did you mean 'input_radius'"),
        ("io medium", {"io-volume_conductor-min_distance": 5.0}, KeyError, "volume_conductor-min_distance_um"),
        ("io value", {"noise-g_e0": 1e-3, "io-output_radius": NAN}, ValueError, "output_radius"),
        ("value after a weight", {"EXC_EXC": 2.0, "noise-g_e0": -1.0}, ValueError, "g_e0"),
        ("cells after noise", {"noise-g_e0": 1e-3, "cells-soma.g_pas": NAN}, ValueError, "soma.g_pas"),
        ("noise after noise", {"noise-g_e0": 1e-3, "noise-EXC-tau_e": 0.0}, ValueError, "tau_e of EXC"),
        ("weight last", {"noise-g_e0": 1e-3, "cells-soma.g_pas": 1e-4, "weight-foo": 1.0}, KeyError, "foo"),
    ]:  # fmt: skip
        yield f"set_params {name}", lambda e, p=params: e.set_params(p), error, text

    for flag in ("weights", "noise"):
        kinds = {"None": None, "one": 1, "string": "yes", "nan": NAN}
        yield from values(
            f"defaults {flag}",
            lambda e, v, f=flag: e.apply_model_defaults(**{f: v}),
            kinds,
            TypeError,
            f"{flag} must be True or False",
        )
    yield from values(
        "strict", lambda e, v: e.apply_default_params(strict=v), {"None": None, "one": 1}, TypeError, "strict must be"
    )
    strangers = {"string": "tuned", "number": 3, "nan": NAN, "list": ["default"]}
    yield from values(
        "group",
        lambda e, v: e.apply_default_params(v),
        strangers,
        KeyError,
        "'small' has no stored parameters.*unknown group",
    )


def cells() -> Iterator[Case]:
    yield from values(
        "cells.set_params",
        lambda e, v: e.cells.set_params(v),
        NO_MAPPING,
        TypeError,
        "params must be a mapping of parameter names",
    )
    yield from values(
        "cell.set_params", lambda e, v: e.cells[0].set_params(v), NO_MAPPING, TypeError, "params must be a mapping"
    )
    yield "cells key", lambda e: e.cells.set_params({3: 1.0}), TypeError, "params must be a mapping of parameter names"
    for name, bad in [
        ("soma.g_pas", [-1.0, 1e300]),
        ("soma.d", [0.0, -1.0, 1e300]),
        ("soma.threshold", [-300.0, 300.0]),
        ("soma.cm", [0.0, 1e300]),
        ("soma.k_Ca", [0.0, 1e300]),
    ]:
        shapeless = [
            c
            for c in numbers(name, lambda e, v, n=name: e.cells.set_params({n: v}), name, bad=bad)
            if "list" not in c[0] and "array" not in c[0]
        ]
        yield from shapeless
        yield from numbers(f"cell {name}", lambda e, v, n=name: e.cells[0].set_params({n: v}), name, bad=bad)
    for name, params, error, text in [
        ("misspelt", {"soma.gpas": 1e-4}, KeyError, "did you mean 'soma.g_pas'"),
        ("of no population", {"EXCC:soma.g_pas": 1e-4}, KeyError, "did you mean 'EXC'"),
        ("of the other kind", {"INH:dend.g_pas": 1e-4}, KeyError, "unknown cell parameter 'dend.g_pas'"),
        ("without a section", {"g_pas": 1e-4}, KeyError, "did you mean 'soma.g_pas'"),
        ("too few", {"soma.g_pas": [1e-4] * 5}, ValueError, r"one per cell; got the shape \[5\]"),
        ("too many", {"EXC:soma.g_pas": [1e-4] * 6}, ValueError, r"4 of them, one per cell; got the shape \[6\]"),
        ("a column", {"soma.g_pas": np.full((6, 1), 1e-4)}, ValueError, r"got the shape \[6, 1\]"),
        ("ragged", {"soma.g_pas": [[1e-4], [1e-4, 1e-4]]}, ValueError, "soma.g_pas must be an array of numbers"),
        ("texts", {"soma.g_pas": ["1e-4"] * 6}, ValueError, "soma.g_pas must be an array of numbers"),
        ("truth values", {"soma.g_pas": [True] * 6}, ValueError, "soma.g_pas must be an array of numbers"),
        ("one infinite", {"soma.g_pas": [1e-4] * 5 + [INF]}, ValueError, "soma.g_pas must be.*got inf"),
        ("one negative", {"soma.g_pas": [1e-4] * 5 + [-1e-4]}, ValueError, "soma.g_pas must be.*got -0.0001"),
        ("where it is not", {"dend.g_pas": [1e-4] * 6}, ValueError, "cell 4 has no such parameter; give NaN there"),
        ("second", {"soma.g_pas": 1e-4, "soma.cm": 0.0}, ValueError, "soma.cm"),
    ]:  # fmt: skip
        yield f"cells {name}", lambda e, p=params: e.cells.set_params(p), error, text
    for name, params, error, text in [
        ("misspelt", {"soma.gpas": 1e-4}, KeyError, "EXC cell 0: unknown parameter .soma.gpas."),
        ("of the other kind", {"soma.gmax_Ka": 1e-4}, KeyError, "EXC cell 0: unknown parameter 'soma.gmax_Ka'"),
        ("second", {"soma.g_pas": 1e-4, "soma.cm": 0.0}, ValueError, "soma.cm"),
    ]:  # fmt: skip
        yield f"cell {name}", lambda e, p=params: e.cells[0].set_params(p), error, text
    for key in (99, -1, 2.0, True, None, (1,), [1], NAN):
        yield f"cells[{key!r}]", lambda e, k=key: e.cells[k], KeyError, "unknown gid .*; legal: 0, 1, 2, 3, 4, 5"
    for key in ("EXCC", "exc"):
        yield f"cells[{key!r}]", lambda e, k=key: e.cells[k], KeyError, "unknown population .* did you mean 'EXC'"
    yield from values(
        "add population", lambda e, v: e.cells.add(v, {}), NO_TEXT, TypeError, "population must be a name"
    )
    yield from values(
        "add cells",
        lambda e, v: e.cells.add("EXC", v),
        NO_MAPPING,
        TypeError,
        "cells must be a mapping of gids to cells",
    )
    yield "add gid", lambda e: e.cells.add("EXC", {"0": e.cells[0]}), TypeError, "gid must be a whole number"
    yield "add no cell", lambda e: e.cells.add("EXC", {0: "cell"}), TypeError, r"cells\[0\] must be a Cell, got 'cell'"
    yield (
        "add another",
        lambda e: e.cells.add("EXC", {1: e.cells[0]}),
        ValueError,
        r"cells\[1\] must be gid 1 of EXC, got Cell\(EXC, gid=0\)",
    )


def plasticity() -> Iterator[Case]:
    strangers = {k: v for k, v in NO_MAPPING.items() if k != "None"}
    yield from values(
        "enable", lambda e, v: e.enable_plasticity(v), strangers, TypeError, "plasticity config must be None, a dict"
    )
    for name, bad in [
        ("A_ltp", [-1.0]),
        ("theta_ltd", []),
        ("learning_tau", [0.0, -1.0]),
        ("learning_slope", [1.0, 0.0]),
        ("w_min", [-1.0]),
    ]:
        flat = [
            c
            for c in numbers(name, lambda e, v, n=name: e.enable_plasticity({n: v}), name, bad=bad)
            if c[0] != f"{name} dict"
        ]
        yield from flat
        yield (
            f"EXC {name}",
            lambda e, n=name: e.enable_plasticity({"INH": {}, "EXC": {n: NAN}}),
            ValueError,
            f"plasticity of EXC: {name}",
        )
    for name, config, text in [
        ("misspelt", {"A_lpt": 1.0}, "did you mean 'A_ltp'"),
        ("key", {3: 1.0}, "unknown plasticity parameter"),
        ("group misspelt", {"exc": {"A_ltp": 1.0}}, "did you mean 'EXC'"),
        ("group unknown", {"AMPA": {"A_ltp": 1.0}}, "unknown plasticity group 'AMPA'; legal: EXC, INH"),
        ("group no dict", {"EXC": 3}, "plasticity of EXC must be a dict"),
        ("mixed", {"EXC": {"A_ltp": 1.0}, "A_ltd": 1.0}, "mixes groups"),
        ("bounds crossed", {"w_min": 2.0, "w_max": 1.0}, "w_min must be <= w_max"),
        ("bounds crossed by default", {"w_min": 6.0}, "w_min must be <= w_max"),
        ("w_init outside", {"w_init": 6.0}, "w_init must lie within"),
        ("second group", {"EXC": {"A_ltp": 2.0}, "INH": {"learning_tau": 0.0}}, "plasticity of INH: learning_tau"),
    ]:  # fmt: skip
        yield f"enable {name}", lambda e, c=config: e.enable_plasticity(c), ValueError, text

    targets = {**NO_FINITE, "negative": -1.0, "string": "1", "bool": True, "complex": 1j, "object": OBJECT}
    yield from values("target", lambda e, v: e.normalize_weights(v), targets, ValueError, "target must be")
    shapes = {
        "short": [1.0, 2.0],
        "empty": [],
        "table": np.ones((6, 1)),
        "no gids": {},
        "one gid": {0: 3.0},
        "other gids": dict.fromkeys(range(7), 1.0),
    }
    yield from values("targets", lambda e, v: e.normalize_weights(v), shapes, ValueError, "target must")

    arrays = {
        "None": None,
        "number": 1.0,
        "string": "abc",
        "bool": True,
        "short": np.ones(5),
        "table": np.ones((50, 1)),
        "object": OBJECT,
    }
    yield from values("multipliers", lambda e, v: e.set_multipliers(v), arrays, ValueError, "weights must")
    bad = {
        **NO_FINITE,
        "negative": -1.0,
        "above": 5.1,
        "below": 1e-5,
        "string": "1",
        "bool": True,
        "None": None,
        "list": [1.0],
    }
    yield from values(
        "multiplier", lambda e, v: e.set_multipliers({(0, 0, "StdpLinExp2Syn"): v}), bad, ValueError, "weights must"
    )
    yield from values(
        "all multipliers",
        lambda e, v: e.set_multipliers(np.full(len(e.get_weights()), v)),
        {"nan": NAN, "above": 5.1, "bool": True},
        ValueError,
        "weights must",
    )
    for name, key in [
        ("cell", (99, 0, "StdpLinExp2Syn")),
        ("synapse", (0, 99, "StdpLinExp2Syn")),
        ("mechanism", (0, 0, "LinExp2Syn")),
        ("name", "EXC_EXC"),
        ("pair", (0, 0)),
    ]:
        yield (
            f"multiplier {name}",
            lambda e, k=key: e.set_multipliers({(0, 0, "StdpLinExp2Syn"): 1.2, k: 1.2}),
            ValueError,
            "weights has a key that this network lacks",
        )
    yield "disable argument", lambda e: e.disable_plasticity(True), TypeError, "argument"


CASES = [*settings(), *cells(), *plasticity()]


@pytest.mark.parametrize("case", CASES, ids=[c[0] for c in CASES])
def test_nonsense_raises_and_changes_nothing(twins: Twins, case: Case, recwarn: pytest.WarningsRecorder) -> None:
    refuse(twins, case, recwarn)
