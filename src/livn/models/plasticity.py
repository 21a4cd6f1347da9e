"""The voltage-based STDP rule in continuous time.

ℓ and Λ belong to a compartment and a rule; a connection holds its multiplier w and Λ at its last presynaptic spike.
v in mV; ℓ in 1/ms; Λ and w have no unit. `b` is the natural logarithm of `learning_slope`.
"""

from numpy import exp, log, maximum, minimum, where

KAPPA = 0.016
"""Rate κ at which the drive feeds ℓ, 1/ms². A rate, so that the rule means the same at every dt."""

TAU_LEARNING = {"EXC": 4.0, "INH": 1.0}
"""Time constant of ℓ by rule, ms."""

DEFAULTS = {
    "EXC": {
        "A_ltp": 1.0,
        "A_ltd": 1.0,
        "theta_ltp": -45.0,
        "theta_ltd": -60.0,
        "ltp_sigmoid_half": -40.0,
        "ltd_sigmoid_half": -55.0,
        "learning_slope": 1.3,
        "learning_tau": 20.0,
        "w_max": 5.0,
        "w_min": 0.0001,
        "w_init": 1.0,
    },
    "INH": {
        "A_ltp": 1.0,
        "A_ltd": 1.0,
        "theta_ltp": -77.0,
        "theta_ltd": -70.0,
        "ltp_sigmoid_half": -80.0,
        "ltd_sigmoid_half": -73.0,
        "learning_slope": 1.2,
        "learning_tau": 20.0,
        "w_max": 5.0,
        "w_min": 0.0001,
        "w_init": 1.0,
    },
}
"""Default parameters by rule (potentials in mV)."""


def step_constants(rule, slope, dt):
    """(b, e^{-dt/τ_ℓ}) of a rule: the natural logarithm of its slope, and the decay of ℓ in a step."""
    return log(slope), exp(-dt / TAU_LEARNING[rule])


def opening(x, b):
    """s(x) = 1/(1 + slope^{-x}), exactly ½ at 0: closed gates drive nothing."""
    return 1.0 / (1.0 + exp(-b * x))


def is_above(v, theta):
    """Whether the gates of the excitatory rule are open."""
    return v > theta


def is_below(v, theta):
    """Whether the gates of the inhibitory rule are open."""
    return v < theta


def gate_above(v, theta, half, b):
    """Gate of the excitatory rule: s(v - half) while v is above theta, else 0."""
    return where(is_above(v, theta), opening(v - half, b), 0.0)


def gate_below(v, theta, half, b):
    """Gate of the inhibitory rule: s(v - half) while v is below theta, else 0."""
    return where(is_below(v, theta), opening(v - half, b), 0.0)


def drive(ltp, ltd, a_ltp, a_ltd, b, tau):
    """2/(1 + slope^{-x}) - 1 with x = (-A_ltd ltd + 2 A_ltp ltp)/learning_tau."""
    return 2.0 * opening((2.0 * a_ltp * ltp - a_ltd * ltd) / tau, b) - 1.0


def learn(signal, integral, driven, decay, dt):
    """One step of dℓ/dt = κ drive - ℓ/τ_ℓ and dΛ/dt = ℓ; decay = e^{-dt/τ_ℓ}. Returns ℓ, Λ."""
    signal = (signal + KAPPA * dt * driven) * decay
    return signal, integral + dt * signal


def updated(w, integral, last, w_min, w_max):
    """Multiplier after a presynaptic spike: clip(w (1 + Λ - Λ_last), w_min, w_max)."""
    return minimum(maximum(w * (1.0 + integral - last), w_min), w_max)
