TITLE Background of a cell: the numbers of its excitatory and inhibitory conductance, and the inhibitory conductance

COMMENT
g = max(0, mean + sd z), z an Ornstein-Uhlenbeck process of variance 1, exact at every step.
Destexhe, Rudolph, Fellous & Sejnowski, Neuroscience 107:13-24, 2001. The numbers are addressed by (seed, step, gid,
purpose, stream), not drawn one after the other: Philox4x32-10 (Salmon, Moraes, Dror & Shaw, SC 2011), whose four words
make two normal numbers (Box & Muller 1958), the first for the excitatory conductance of the cell, the second for the
inhibitory one.
ENDCOMMENT

NEURON {
    POINT_PROCESS LivnBackground
    NONSPECIFIC_CURRENT i
    RANGE on, mean, sd, e, g, tau_e, tau_i, gid, z_e, z_i, xi_e, xi_i, count
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
    e = 0 (mV)
    tau_e = 1 (ms)
    tau_i = 1 (ms)
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
    z_e
    z_i
    xi_e
    xi_i
    known_e (ms) : the time constants that decay and spread are for
    known_i (ms)
    decay_e
    decay_i
    spread_e
    spread_i
    count : steps done
}

INITIAL {
    count = 0
    known_e = 0
    known_i = 0
    draw(2)
    z_e = xi_e
    z_i = xi_i
}

BREAKPOINT {
    CONDUCTANCE g
    SOLVE wander METHOD after_cvode
    g = on*(mean + sd*z_i)
    if (g < 0) { g = 0 }
    i = g*(v - e)
}

PROCEDURE wander() {
    if (on) {
        if (tau_e != known_e || tau_i != known_i) { prepare() }
        draw(1)
        z_e = z_e*decay_e + spread_e*xi_e
        z_i = z_i*decay_i + spread_i*xi_i
    }
    count = count + 1
}

PROCEDURE prepare() {
    known_e = tau_e
    known_i = tau_i
    decay_e = exp(-dt/tau_e)
    decay_i = exp(-dt/tau_i)
    spread_e = sqrt(1 - exp(-2*dt/tau_e))
    spread_i = sqrt(1 - exp(-2*dt/tau_i))
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

static void livn_normals(const uint32_t counter[4], uint32_t key0, uint32_t key1, double* first, double* second) {
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
    *first = radius * std::cos(angle);
    *second = radius * std::sin(angle);
}
ENDVERBATIM

: the numbers of this cell and step for a purpose: 1 the background, 2 its initial value
PROCEDURE draw(purpose) {
VERBATIM
    const uint64_t number = (uint64_t) count;
    const uint32_t counter[4] = {(uint32_t) number, (uint32_t) (number >> 32), (uint32_t) (uint64_t) gid,
                                 ((uint32_t) _lpurpose << 16) | (uint32_t) stream};
    double first, second;
    livn_normals(counter, (uint32_t) seed_low, (uint32_t) seed_high, &first, &second);
    xi_e = first;
    xi_i = second;
ENDVERBATIM
}
