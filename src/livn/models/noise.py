"""Random numbers that are addressed, not consumed, and the background noise that is made of them.

Philox4x32-10: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
Conductance noise: Destexhe, Rudolph, Fellous & Sejnowski, Neuroscience 107:13-24, 2001.

The functions work on unsigned 64-bit integers that hold 32-bit words, so that a product needs no wide multiply.
"""

import numpy as np
from numpy import cos, exp, log, maximum, sin, sqrt, uint64

MULTIPLIER_0 = uint64(0xD2511F53)
MULTIPLIER_1 = uint64(0xCD9E8D57)
WEYL_0 = uint64(0x9E3779B9)
WEYL_1 = uint64(0xBB67AE85)
WORD = uint64(0xFFFFFFFF)
HALF = uint64(32)

# What a number is used for: the high half of the counter's last word.
BACKGROUND = 1
INITIAL = 2
CONNECTIONS = 3
POSITIONS = 4
SELECTION = 5
RECORDED = 6


def philox_round(c0, c1, c2, c3, k0, k1):
    """One round: four counter words and two key words in, four words out."""
    p0 = c0 * MULTIPLIER_0
    p1 = c2 * MULTIPLIER_1
    return (p1 >> HALF) ^ c1 ^ k0, p1 & WORD, (p0 >> HALF) ^ c3 ^ k1, p0 & WORD


def philox(c0, c1, c2, c3, k0, k1):
    """Philox4x32-10: four counter words and two key words (uint64 below 2^32) to four random words."""
    for _ in range(10):
        c0, c1, c2, c3 = philox_round(c0, c1, c2, c3, k0, k1)
        k0 = (k0 + WEYL_0) & WORD
        k1 = (k1 + WEYL_1) & WORD
    return c0, c1, c2, c3


def uniforms(w0, w1, w2, w3):
    """Two 53-bit uniforms in (0, 1] from four random words."""
    scale = 1.0 / 9007199254740992.0
    u1 = ((w0 >> uint64(5)) * 67108864.0 + (w1 >> uint64(6)) + 0.5) * scale
    u2 = ((w2 >> uint64(5)) * 67108864.0 + (w3 >> uint64(6)) + 0.5) * scale
    return u1, u2


def normals(w0, w1, w2, w3):
    """Two standard normal numbers from four random words."""
    return box_muller(*uniforms(w0, w1, w2, w3))


def box_muller(u1, u2):
    """Two standard normal numbers from two uniforms in (0, 1] (Box & Muller 1958)."""
    radius = sqrt(-2.0 * log(u1))
    angle = 6.283185307179586 * u2
    return radius * cos(angle), radius * sin(angle)


def stationary(dt, tau):
    """(decay, spread) of one step of a standardised Ornstein-Uhlenbeck process: its sd is 1 at every dt."""
    return exp(-dt / tau), sqrt(1.0 - exp(-2.0 * dt / tau))


def wander(z, decay, spread, xi):
    """One step of the standardised process; σz is the process of standard deviation σ."""
    return z * decay + spread * xi


def noise_conductance(mean, std, z):
    """max(0, g0 + σz), µS."""
    return maximum(0.0, mean + std * z)


def words(steps, gids, purpose, stream, seed):
    """Random words for every (step, gid), NumPy arrays of uint64: the addressing that all engines share.

    Args:
        steps, gids: whole numbers, broadcast together.
        purpose: one of the constants above.
        stream: 0 to 65535.
        seed: 0 to 2^64 - 1; its two 32-bit words are the key.
    """
    step, gid = (np.asarray(a).astype(np.uint64) for a in np.broadcast_arrays(steps, gids))
    use = np.full_like(step, (purpose << 16) | stream)
    key = uint64(seed & 0xFFFFFFFF), uint64(seed >> 32)
    return philox(step & WORD, step >> HALF, gid, use, *(np.full_like(step, k) for k in key))
