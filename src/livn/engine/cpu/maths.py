"""The elementary functions as arithmetic, on numbers and on lanes alike.

Each is accurate to about 1e-15 relative (exp on AVX-512: 6e-15; sin, cos and log near 1: absolute) over the range that
the model uses. The C library's versions take one number at a time and would cost ten times as much.
"""

import numba as nb
from numba import types
from numba.extending import intrinsic, overload

from livn.engine.cpu.lanes import bits_of_float, float_of_bits, has_table, scaled, sixteenth_power, sqrt, where

# Fused multiply-add and reciprocals are welcome; NaN and infinity keep their meaning, so that a diverging cell can be
# seen, and sums keep their order, so that argument reduction below stays exact.
OPTIONS = {"fastmath": {"contract", "arcp", "nsz"}, "error_model": "numpy", "nogil": True}


@intrinsic
def wide_vectors(context):
    """Let LLVM use 512-bit registers, where there are any, in the function that calls this, and align what it spills.

    By itself it holds them back for code that mixes them with scalar work, and lets vectors on the stack straddle cache
    lines: each then costs two accesses, a tenth of all time.
    """

    def generate(context, builder, signature, args):
        # llvmlite's own `add` knows no attributes with values
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        builder.function.attributes.alignstack = 64
        return context.get_dummy_value()

    return types.none(), generate


ROUNDER = 6755399441055744.0
"""1.5 · 2^52: a number added to it is rounded to a whole one, which then stands in its lowest bits."""

# Minimax polynomials (Remez): e^x over ±ln 2/2, 2 atanh(√z)/√z, sin(√z)/√z and cos(√z) over the reduced ranges
_EXP = (
    1.0, 1.0000000000000064, 0.49999999999997286, 0.16666666666557742, 0.041666666668426056, 0.00833333338466552,
    0.0013888888499131087, 0.0001984117138452156, 2.4801917693489808e-05, 2.7639768146410173e-06,
    2.7488442077706684e-07,
)  # fmt: skip
_ATANH = (
    2.0, 0.6666666666666765, 0.39999999999296826, 0.28571428761766055, 0.22222196947554654, 0.18183637121204782,
    0.15312393689756432, 0.14811015684541748,
)  # fmt: skip
_SIN = (
    1.0, -0.16666666666666616, 0.00833333333332037, -0.00019841269828655756, 2.755731337810694e-06,
    -2.505071722015427e-08, 1.5894749951908705e-10,
)  # fmt: skip
_COS = (
    1.0, -0.4999999999999925, 0.04166666666647244, -0.0013888888869987928, 2.480157854146208e-05,
    -2.7555234302753734e-07, 2.063047696816589e-09,
)  # fmt: skip


def _polynomial(coefficients):
    """The polynomial with these coefficients, the lowest first, by Horner's scheme."""
    text = repr(coefficients[-1])
    for c in coefficients[-2::-1]:
        text = f"{c!r} + x * ({text})"
    namespace = {}
    exec(f"def polynomial(x):\n    return {text}\n", namespace)
    return nb.njit(forceinline=True, **OPTIONS)(namespace["polynomial"])


_exp_polynomial, _atanh, _sin, _cos = map(_polynomial, (_EXP, _ATANH, _SIN, _COS))


@nb.njit(forceinline=True, **OPTIONS)
def minimum(a, b):
    return where(b < a, b, a)  # NaN in `a` stays: a diverging cell must be seen


@nb.njit(forceinline=True, **OPTIONS)
def maximum(a, b):
    return where(b > a, b, a)


def exp(x):
    """e^x; 0 or huge where that is beyond the range of float64."""
    raise NotImplementedError("compiled code only")


@overload(exp, jit_options={"forceinline": True, **OPTIONS})
def _exp(x):
    return _exp_by_table if has_table(x) else _exp_by_polynomial


def _exp_by_polynomial(x):
    x = minimum(maximum(x, -700.0), 700.0)
    k = x * 1.4426950408889634 + ROUNDER - ROUNDER
    p = _exp_polynomial(x - k * 0.6931471805599453)
    return float_of_bits(bits_of_float(p) + (bits_of_float(k + ROUNDER) << 52))


def _exp_by_table(x):
    """With AVX-512 two instructions look up 2^(n/16) and scale by 2^m, and a short polynomial does the rest."""
    t = x * 1.4426950408889634 + ROUNDER / 16.0  # x/ln 2 to sixteenths
    k = t - ROUNDER / 16.0
    r = x - k * 0.6931471805599453
    p = r + r * r * (
        0.4999999998690546 + r * (0.16666666672732786 + r * (0.041667572130002585 + r * 0.00833327185802029))
    )
    power = sixteenth_power(bits_of_float(t))
    return scaled(power + power * p, k)


def reciprocal(x):
    """1/x."""
    raise NotImplementedError("compiled code only")


@overload(reciprocal, jit_options={"forceinline": True, **OPTIONS})
def _reciprocal(x):
    return _reciprocal_by_newton if has_table(x) else lambda x: 1.0 / x


def _reciprocal_by_newton(x):
    """Where 512-bit arithmetic is plenty and divisions take as long as ever: the exponent negated, then iterations."""
    r = float_of_bits(0x7FDE623822FC16E6 - bits_of_float(x))  # within 5 %
    e = 1.0 - x * r
    r += r * (e + e * e)
    r += r * (1.0 - x * r)
    return r + r * (1.0 - x * r)


@nb.njit(forceinline=True, **OPTIONS)
def log(x):
    root = 0x3FE6A09E667F3BCD  # √½: the mantissa is taken from there to √2
    shifted = bits_of_float(x) - root + (1023 << 52)
    m = float_of_bits((shifted & 0x000FFFFFFFFFFFFF) + root)
    e = float_of_bits((shifted >> 52) | (0x433 << 52)) - (4503599627370496.0 + 1023.0)
    s = (m - 1.0) * reciprocal(m + 1.0)
    return s * _atanh(s * s) + e * 0.6931471805599453


@nb.njit(forceinline=True, **OPTIONS)
def _sine_cosine(x):
    """sin and cos of the angle reduced to ±π/4, and the quadrant in the lowest bits; for |x| up to about 1e5."""
    t = x * 0.6366197723675814 + ROUNDER
    k = t - ROUNDER
    r = x - k * 1.5707963267341256 - k * 6.077100506506192e-11
    z = r * r
    return r * _sin(z), _cos(z), bits_of_float(t)


@nb.njit(forceinline=True, **OPTIONS)
def sin(x):
    s, c, quadrant = _sine_cosine(x)
    y = where((quadrant & 1) == 1, c, s)
    return float_of_bits(bits_of_float(y) ^ ((quadrant & 2) << 62))


@nb.njit(forceinline=True, **OPTIONS)
def cos(x):
    s, c, quadrant = _sine_cosine(x)
    y = where((quadrant & 1) == 1, s, c)
    return float_of_bits(bits_of_float(y) ^ (((quadrant + 1) & 2) << 62))


NAMES = {f.__name__: f for f in (exp, log, sin, cos, sqrt, reciprocal, where, minimum, maximum)}
"""What `binding.bind` puts in the place of the model's NumPy names."""
