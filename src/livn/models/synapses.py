"""Synaptic conductances: kinetics shared by all synapses of one receptor on one compartment.

v in mV, τ in ms, conductances in µS, currents in nA.

Sources: magnesium block after Jahr & Stevens, J Neurosci 10:3178-3182, 1990; short-term depression after Tsodyks &
Markram, PNAS 94:719-723, 1997.
"""

from dataclasses import dataclass

from numpy import exp, log

from livn.models.channels import SLOPE_STEP

MAGNESIUM = 1.0
"""External magnesium, mM."""

DEPRESSION_USE = 0.25
"""U: share of the resources that one spike releases."""

DEPRESSION_RECOVERY = 400.0
"""τ_rec, ms."""


def peak_factor(tau_rise, tau_decay):
    """N: makes the peak of e^{-t/τ_decay} - e^{-t/τ_rise} equal 1."""
    peak = tau_rise * tau_decay / (tau_decay - tau_rise) * log(tau_decay / tau_rise)
    return 1.0 / (exp(-peak / tau_decay) - exp(-peak / tau_rise))


def synaptic_current(v, a, b, e):
    """i = g (v - e) with g = b - a, and di/dv."""
    g = b - a
    return g * (v - e), g


def nmda_current(v, a, b, reversal):
    """i = g b(v) (v - e) with g = b - a and b = 1/(1 + [Mg]/3.57 e^{-0.062 v}), and its slope over `SLOPE_STEP`."""
    block = exp(-0.062 * v) * (MAGNESIUM / 3.57)
    here = 1.0 + block
    beyond = 1.0 + block * (1.0 - 0.062 * SLOPE_STEP * (1.0 - 0.031 * SLOPE_STEP))
    g = (b - a) / (here * beyond)  # one division for both
    i = g * beyond * (v - reversal)
    return i, (g * here * (v + SLOPE_STEP - reversal) - i) / SLOPE_STEP


def nmda_smooth(v, a, b, reversal):
    """`nmda_current` with its analytic slope, where numbers are too coarse for a difference over `SLOPE_STEP`."""
    block = exp(-0.062 * v) * (MAGNESIUM / 3.57)
    share = 1.0 / (1.0 + block)
    g = (b - a) * share
    return g * (v - reversal), g * (1.0 + 0.062 * (block * share) * (v - reversal))


def decays(taus, dt):
    """(e^{-dt/τ_rise}, e^{-dt/τ_decay}): what A and B are multiplied by in a step."""
    return exp(-dt / taus[0]), exp(-dt / taus[1])


def released(resources):
    """Short-term depression at a spike: (share of the full conductance that opens, resources left)."""
    return resources * DEPRESSION_USE, resources * (1.0 - DEPRESSION_USE)


def recovered(resources, elapsed):
    """Resources after `elapsed` ms of recovery: 1 - (1 - R) e^{-Δt/τ_rec}."""
    return 1.0 - (1.0 - resources) * exp(-elapsed / DEPRESSION_RECOVERY)


@dataclass(frozen=True)
class Receptor:
    """A synapse type.

    Attributes:
        label: receptor, as in weight names (`"AMPA"`).
        mechanism: name of its point process (`"StdpLinExp2Syn"`).
        rule: plasticity rule, `"EXC"`, `"INH"` or None.
        reversal: mV.
        kinetics: (τ_rise, τ_decay) in ms by the kind of the postsynaptic cell.
        blocked: whether magnesium blocks it.
        depressing: whether it shows short-term depression.
    """

    label: str
    mechanism: str
    rule: str | None
    reversal: float
    kinetics: dict[str, tuple[float, float]]
    blocked: bool = False
    depressing: bool = False
