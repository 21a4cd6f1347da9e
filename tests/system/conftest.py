"""A small culture, and a cache that belongs to the tests."""

import numpy as np
import pytest

from livn.system import System


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """A cache directory shared by the tests of one session."""
    directory = tmp_path_factory.getbasetemp() / "livn-cache"
    monkeypatch.setenv("LIVN_CACHE_DIR", str(directory))
    return directory


@pytest.fixture
def edges():
    """Five synapses among 3 EXC (0-2) and 2 INH (3-4) cells, out of order."""
    return {
        "pre": [3, 0, 0, 1, 4],
        "post": [0, 1, 1, 3, 0],
        "section": ["soma", "dend", "dend", "soma", "soma"],
        "mechanism": ["GABA_A", "NMDA", "AMPA", "StdpLinExp2Syn", "GABA_B"],
        "delay_ms": [1.0, 2.0, 2.5, 3.0, 0.0],
        "weight": [1.0, 2.0, 3.0, 4.0, 5.0],
        "g_unit_uS": [1e-3, 2e-3, 3e-3, 4e-3, 5e-3],
        "syn_id": [1, 7, 7, 0, 0],
    }


@pytest.fixture
def coordinates():
    return np.array([[0, 0, 0], [30, 40, 0], [0, 100, 0], [100, 0, 0], [100, 100, 10]], float)


@pytest.fixture
def system(edges, coordinates):
    return System.from_arrays({"EXC": 3, "INH": 2}, coordinates, edges, name="small")
