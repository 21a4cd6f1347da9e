"""Reversal potentials and concentrations of ions.

Concentrations in mM, currents in nA, potentials in mV. Constants: CODATA 2018.
"""

from numpy import log, maximum

GAS_CONSTANT = 8.31446261815324
FARADAY = 96485.33212331
TEMPERATURE = 309.15
"""36 °C in K."""

THERMAL_VOLTAGE = 1000.0 * GAS_CONSTANT * TEMPERATURE / FARADAY
"""RT/F, mV."""

SODIUM_IN, SODIUM_OUT = 15.0, 145.0
POTASSIUM_IN, POTASSIUM_OUT = 145.0, 5.0
CALCIUM_IN, CALCIUM_OUT = 1e-5, 2.0

PUMP_RATE = 0.075
"""Rate β at which sodium and potassium return to their resting concentrations, 1/ms."""

SHELL_DEPTH = 0.2
"""Depth of the shell that holds the ions, µm."""

SHELL = 1e4 / (2.0 * FARADAY * SHELL_DEPTH)
"""mM/ms per mA/cm². The factor 2 is the source model's, for the monovalent ions too."""


def nernst(inside, outside):
    """Reversal potential of a monovalent cation, mV."""
    return THERMAL_VOLTAGE * log(outside / inside)


def concentration(x, flux, rest, pump_dt, dt):
    """Implicit step of dx/dt = flux - β (x - rest); flux in mM/ms, pump_dt = β dt."""
    return (x + dt * flux + pump_dt * rest) / (1.0 + pump_dt)


def calcium_inflow(i_ca, i_rest, alpha):
    """max(0, -α (i_Ca - i_Ca,rest)): no outflow through the channels."""
    return maximum(0.0, -alpha * (i_ca - i_rest))


def calcium(ca, inflow, f, k, dt):
    """Implicit step of d[Ca]/dt = f (inflow - k ([Ca] - 1e-5 mM))."""
    return (ca + dt * f * (inflow + k * CALCIUM_IN)) / (1.0 + dt * f * k)
