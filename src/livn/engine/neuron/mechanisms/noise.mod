TITLE Background conductance: an Ornstein-Uhlenbeck process, exact at every step

COMMENT
g = max(0, mean + sd z), z a process of variance 1. Destexhe, Rudolph, Fellous & Sejnowski, Neuroscience 107:13-24, 2001.
Its numbers are addressed by (seed, step, gid, purpose, stream), not drawn one after the other: Philox4x32-10 (Salmon,
Moraes, Dror & Shaw, SC 2011), whose four words make two normal numbers (Box & Muller 1958), the first for the
excitatory conductance of the cell (side 0), the second for the inhibitory one (side 1).
ENDCOMMENT

NEURON {
    POINT_PROCESS LivnNoise
    NONSPECIFIC_CURRENT i
    RANGE on, mean, sd, tau, e, side, gid, z, g, count
    GLOBAL seed_low, seed_high, stream
    THREADSAFE
}

UNITS {
    (mV) = (millivolt)
    (nA) = (nanoamp)
    (uS) = (microsiemens)
}

PARAMETER {
    on = 0
    mean = 0 (uS)
    sd = 0 (uS)
    tau = 1 (ms)
    e = 0 (mV)
    side = 0
    gid = 0
    seed_low = 0
    seed_high = 0
    stream = 0
}

ASSIGNED {
    v (mV)
    dt (ms)
    i (nA)
    g (uS)
    z
    known (ms) : the tau that decay and spread are for
    decay
    spread
    count : steps done
}

INITIAL {
    count = 0
    known = 0
    z = normal(2)
}

BREAKPOINT {
    CONDUCTANCE g
    SOLVE wander METHOD after_cvode
    g = on*(mean + sd*z)
    if (g < 0) { g = 0 }
    i = g*(v - e)
}

PROCEDURE wander() {
    if (on) {
        if (tau != known) {
            decay = exp(-dt/tau)
            spread = sqrt(1 - exp(-2*dt/tau))
            known = tau
        }
        z = z*decay + spread*normal(1)
    }
    count = count + 1
}

VERBATIM
#include <cstdint>
#include <cmath>

// Two words of the product of two 32-bit words.
static inline uint32_t livn_multiply(uint32_t a, uint32_t b, uint32_t* high) {
    const uint64_t product = (uint64_t) a * b;
    *high = (uint32_t) (product >> 32);
    return (uint32_t) product;
}

static double livn_normal(const uint32_t counter[4], uint32_t key0, uint32_t key1, int second) {
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    for (int round = 0; round < 10; ++round) {
        uint32_t high0, high1;
        const uint32_t low0 = livn_multiply(0xD2511F53u, c[0], &high0);
        const uint32_t low1 = livn_multiply(0xCD9E8D57u, c[2], &high1);
        c[0] = high1 ^ c[1] ^ key0;
        c[1] = low1;
        c[2] = high0 ^ c[3] ^ key1;
        c[3] = low0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    const double u1 = ((double) (((uint64_t) (c[0] >> 5) << 26) + (c[1] >> 6)) + 0.5) / 9007199254740992.0;
    const double u2 = ((double) (((uint64_t) (c[2] >> 5) << 26) + (c[3] >> 6)) + 0.5) / 9007199254740992.0;
    const double radius = std::sqrt(-2.0 * std::log(u1)), angle = 6.283185307179586 * u2;
    return radius * (second ? std::sin(angle) : std::cos(angle));
}
ENDVERBATIM

: the number of this cell, side and step for a purpose: 1 the background, 2 its initial value
FUNCTION normal(purpose) {
VERBATIM
    const uint64_t number = (uint64_t) count;
    const uint32_t counter[4] = {(uint32_t) number, (uint32_t) (number >> 32), (uint32_t) gid,
                                 ((uint32_t) _lpurpose << 16) | (uint32_t) stream};
    _lnormal = livn_normal(counter, (uint32_t) seed_low, (uint32_t) seed_high, (int) side);
ENDVERBATIM
}
