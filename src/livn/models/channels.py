"""Ion channels: instantaneous currents and the relaxation of their gates.

Every function is pure and uses only arithmetic and the names imported from NumPy below, which an engine may bind to
its own versions. A current function returns (i, di/dv): gates and concentrations are held fixed in the derivative, the
instantaneous activation of sodium included, because the implicit step is unstable otherwise.

v in mV, conductances in µS, permeabilities in µS, currents in nA, rates in 1/ms, concentrations in mM.

Sources: motoneuron channels after Booth, Rinzel & Kiehn, J Neurophysiol 78:3371-3385, 1997; the driving force of
calcium is the Goldman-Hodgkin-Katz equation (Hille, Ion Channels of Excitable Membranes, 2001).
"""

from numpy import exp, reciprocal, where

from livn.models.ions import CALCIUM_OUT, TEMPERATURE

FORCE_CAN = 36.0 / 293.15 * TEMPERATURE / 2.0
"""Voltage scale of the GHK factor of the N-type channel, mV."""

FORCE_CAL = 25.0 / 293.15 * TEMPERATURE / 2.0
"""Voltage scale of the GHK factor of the L-type channel, mV."""

HALF_KCA = 0.0005
"""Calcium concentration that opens half of the KCa channels, mM."""


def sigmoid(x):
    """Logistic function 1/(1+e^-x)."""
    return reciprocal(1.0 + exp(-x))


def relax(x, target, rate_dt):
    """Exact exponential relaxation of x to target over one step; rate_dt = dt/τ."""
    return x + (1.0 - exp(-rate_dt)) * (target - x)


def elapsed(dt, tau):
    """1 - e^{-dt/τ}: the share of its way that a gate goes in one step."""
    return 1.0 - exp(-dt / tau)


def approach(x, target, fraction):
    """`relax` where τ is a constant: fraction = elapsed(dt, τ)."""
    return x + fraction * (target - x)


def ohmic(v, g, e):
    """Current through the conductance g with reversal potential e, and its derivative."""
    return g * (v - e), g


def external_current(v, injected, conductance):
    """Membrane current of a stimulus: what is injected, and a conductance that reverses at 0 mV; and its derivative."""
    return conductance * v - injected, conductance


# Sodium, transient


def na_activation(v):
    """m∞ of sodium, instantaneous."""
    return sigmoid((v + 35.0) / 7.8)


def na_current(v, h, e_na, gmax):
    """i = gmax m∞³ h (v - E_Na)."""
    m = na_activation(v)
    return ohmic(v, gmax * m * m * m * h, e_na)


def na_inactivation(v):
    """h∞ of sodium."""
    return sigmoid(-(v + 55.0) / 7.0)


def na_inactivation_rate(v):
    """1/τ_h of sodium, 1/ms."""
    return (exp((v + 50.0) / 15.0) + exp(-(v + 50.0) / 16.0)) / 30.0


# Potassium, delayed rectifier


def kdr_current(v, n, e_k, gmax):
    """i = gmax n⁴ (v - E_K)."""
    return ohmic(v, gmax * (n * n) * (n * n), e_k)


def kdr_activation(v):
    """n∞ = 1/(1 + e^{-(v+28)/15}) of the delayed rectifier, made of the exponential that sodium's τ_h needs too."""
    e = exp((v + 50.0) / 15.0)
    return e / (e + exp(22.0 / 15.0))


def kdr_activation_rate(v):
    """1/τ_n of the delayed rectifier, 1/ms."""
    return (exp((v + 40.0) / 40.0) + exp(-(v + 40.0) / 50.0)) / 7.0


# Potassium, A-type

TAU_KA_ACTIVATION = 1.0
TAU_KA_INACTIVATION = 15.0


def ka_current(v, a, b, e_k, gmax):
    """i = gmax a b (v - E_K)."""
    return ohmic(v, gmax * a * b, e_k)


def ka_activation(v):
    """a∞ of the A-type channel."""
    return sigmoid((v + 36.0) / 8.0)


def ka_inactivation(v):
    """b∞ of the A-type channel."""
    return sigmoid(-(v + 66.0) / 8.0)


# Potassium, calcium-activated


def kca_current(v, ca, e_k, gmax):
    """i = gmax [Ca]/([Ca] + 0.5 µM) (v - E_K), instantaneous."""
    return ohmic(v, gmax * ca / (ca + HALF_KCA), e_k)


# Calcium, N- and L-type


SLOPE_STEP = 0.001
"""Slopes of currents that are not Ohmic are taken over this step, mV, as NEURON does: near threshold the cells amplify
even the difference to the analytic slope beyond the 1e-2 mV to which this model agrees with NEURON."""


def linoids(z, ez, y, ey):
    """E(z) = z/(e^z - 1), 1 - z/2 near 0, and the same of y, which is 4e-5 to 8e-5 more; for one division."""
    small = abs(z) < 2e-4
    below_z, below_y = ez - 1.0, ey - 1.0
    both = 1.0 / where(small, 1.0, below_z * below_y)
    return where(small, 1.0 - 0.5 * z, z * below_y * both), where(small, 1.0 - 0.5 * y, y * below_z * both)


def ghk(v, ca, f):
    """Driving force Φ(v; f) = -f (1 - [Ca]_i/[Ca]_o e^{v/f}) E(v/f), and its slope dΦ/dv."""
    shift = SLOPE_STEP / f
    z = v / f
    ez = exp(z)
    beyond = ez * (1.0 + shift * (1.0 + 0.5 * shift))  # e^{z + shift}: an exp less
    r = ca / CALCIUM_OUT
    here, there = linoids(z, ez, z + shift, beyond)
    force = -f * (1.0 - r * ez) * here
    return force, (-f * (1.0 - r * beyond) * there - force) / SLOPE_STEP


def ghk_smooth(v, ca, f):
    """`ghk` with its analytic slope, where numbers are too coarse for a difference over `SLOPE_STEP`."""
    z = v / f
    near = abs(z) < 0.25
    ez = exp(z)
    over = 1.0 / where(near, 1.0, ez - 1.0)
    zz = z * z
    e = where(near, 1.0 - 0.5 * z + zz * (1.0 / 12.0 - zz / 720.0), z * over)
    slope = where(near, z * (1.0 / 6.0 - zz * (1.0 / 180.0 - zz / 5040.0)) - 0.5, (1.0 - e * ez) * over)
    outward = ca / CALCIUM_OUT * ez
    return f * (outward - 1.0) * e, outward * e - (1.0 - outward) * slope


TAU_CAN_ACTIVATION = 4.0
TAU_CAN_INACTIVATION = 40.0
TAU_CAL_ACTIVATION = 60.0


def can_current(v, m, h, ca, gmax):
    """i = gmax m² h Φ(v; f_N)."""
    force, slope = ghk(v, ca, FORCE_CAN)
    g = gmax * m * m * h
    return g * force, g * slope


def can_activation(v):
    """m∞ of the N-type channel."""
    return sigmoid((v + 30.0) / 5.0)


def can_inactivation(v):
    """h∞ = 1/(1 + e^{(v+45)/5}) of the N-type channel, made of the exponential of its m∞."""
    e = exp(-(v + 30.0) / 5.0)
    return e / (e + exp(3.0))


def cal_current(v, m, ca, gmax):
    """i = gmax m Φ(v; f_L)."""
    force, slope = ghk(v, ca, FORCE_CAL)
    g = gmax * m
    return g * force, g * slope


def cal_activation(v):
    """m∞ of the L-type channel."""
    return sigmoid((v + 40.0) / 7.0)
