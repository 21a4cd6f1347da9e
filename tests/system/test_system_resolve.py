"""What people write for a system."""

import numpy as np
import pytest

from livn.system import ParallelSystem, System, resolve


def test_everything_that_describes_a_system(system, tmp_path):
    assert resolve(system) is system
    assert resolve("EI1").name == "EI1"
    path = system.save(tmp_path / "s")
    assert resolve(path).name == resolve(str(path)).name == "small"
    assert resolve(64).population_counts == resolve(np.int32(64)).population_counts == {"EXC": 64}
    cells = resolve({"EXC": 3, "INH": 5})
    assert isinstance(cells, ParallelSystem)
    assert cells.population_counts == {"EXC": 3, "INH": 5}


def test_a_directory_of_the_current_one(system, tmp_path, monkeypatch):
    system.save(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert resolve("mine").name == "small"


def test_anything_that_satisfies_the_protocol_passes(system):
    foreign = type("Foreign", (), {name: getattr(system, name) for name in dir(system) if not name.startswith("__")})()
    assert not isinstance(foreign, System)
    assert resolve(foreign) is foreign


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        (True, TypeError, "got True"),
        (1.0, TypeError, r"got 1\.0"),
        (np.float64(3), TypeError, "system must be"),
        (None, TypeError, "got None"),
        ([1, 2], TypeError, "system must be"),
        (System, TypeError, "system must be"),
        (object(), TypeError, "system must be"),
        (0, ValueError, "from 1 to"),
        (-3, ValueError, "from 1 to"),
        ({}, ValueError, "at least one cell"),
        ({"EXC": 1.5}, TypeError, "EXC"),
        ("EI5", ValueError, "legal: EI1, EI2, EI3, EI4.*did you mean"),
        ("ei1", ValueError, "did you mean 'EI1'"),
        ("", ValueError, "unknown system"),
        ("https://example.org/EI1", ValueError, "unknown system"),
        ("no/such/place", FileNotFoundError, "no/such/place"),
    ],
)
def test_nonsense_is_refused(spec, error, message):
    with pytest.raises(error, match=message):
        resolve(spec)


def test_a_directory_without_a_system(tmp_path):
    for spec in (tmp_path, str(tmp_path), tmp_path / "nowhere"):
        with pytest.raises(FileNotFoundError, match=str(tmp_path)):
            resolve(spec)
