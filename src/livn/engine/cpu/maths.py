"""The elementary functions as arithmetic alone, so that LLVM vectorises the loops they stand in.

Each is accurate to about 1e-15 relative (sin and cos: absolute) over the range that the model uses. The C library's
versions would stop vectorisation and cost ten times as much.
"""

import math

import numba as nb
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

# Fused multiply-add and reciprocals are welcome; NaN and infinity keep their meaning, so that a diverging cell can be
# seen, and sums keep their order, so that argument reduction below stays exact.
OPTIONS = {"fastmath": {"contract", "arcp", "nsz"}, "error_model": "numpy", "nogil": True}


@intrinsic
def float_of_bits(context, bits):
    """The float64 with the bits of an int64."""
    return types.float64(types.int64), lambda c, b, s, a: b.bitcast(a[0], ir.DoubleType())


@intrinsic
def bits_of_float(context, x):
    """The bits of a float64 as an int64."""
    return types.int64(types.float64), lambda c, b, s, a: b.bitcast(a[0], ir.IntType(64))


@intrinsic
def wide_vectors(context):
    """Let LLVM use 512-bit vectors, where there are any, in the function that calls this.

    Its cost model holds them back for code that mixes them with scalar work; these loops gain a quarter.
    """

    def generate(context, builder, signature, args):
        # llvmlite's own `add` knows no attributes with values
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.none(), generate


@nb.njit(forceinline=True, **OPTIONS)
def exp(x):
    x = min(max(x, -700.0), 700.0)
    k = math.floor(x * 1.4426950408889634 + 0.5)
    r = x - k * 0.6931471803691238 - k * 1.9082149292705877e-10
    p = 1.0 / 39916800
    for c in (1 / 3628800, 1 / 362880, 1 / 40320, 1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 0.5, 1.0, 1.0):
        p = p * r + c
    return p * float_of_bits((np.int64(k) + 1023) << 52)


@nb.njit(forceinline=True, **OPTIONS)
def log(x):
    bits = bits_of_float(x)
    m = float_of_bits((bits & 0x000FFFFFFFFFFFFF) | (1023 << 52))
    big = m > 1.4142135623730951
    m = m * 0.5 if big else m
    e = np.float64(((bits >> 52) & 0x7FF) - 1023) + (1.0 if big else 0.0)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = 1 / 21.0
    for c in (1 / 19.0, 1 / 17.0, 1 / 15.0, 1 / 13.0, 1 / 11.0, 1 / 9.0, 1 / 7.0, 1 / 5.0, 1 / 3.0, 1.0):
        p = p * z + c
    return 2.0 * s * p + e * 0.6931471805599453


@nb.njit(forceinline=True, **OPTIONS)
def _sine_cosine(x):
    """sin and cos of the angle reduced to ±π/4, and the quadrant; for |x| up to about 1e5."""
    k = math.floor(x * 0.6366197723675814 + 0.5)
    r = x - k * 1.5707963267341256 - k * 6.077100506506192e-11
    z = r * r
    s = -1 / 1307674368000.0
    for c in (1 / 6227020800.0, -1 / 39916800.0, 1 / 362880.0, -1 / 5040.0, 1 / 120.0, -1 / 6.0, 1.0):
        s = s * z + c
    q = 1 / 20922789888000.0
    for c in (-1 / 87178291200.0, 1 / 479001600.0, -1 / 3628800.0, 1 / 40320.0, -1 / 720.0, 1 / 24.0, -0.5, 1.0):
        q = q * z + c
    return s * r, q, np.int64(k) & 3


@nb.njit(forceinline=True, **OPTIONS)
def sin(x):
    s, c, quadrant = _sine_cosine(x)
    y = c if quadrant & 1 else s
    return -y if quadrant & 2 else y


@nb.njit(forceinline=True, **OPTIONS)
def cos(x):
    s, c, quadrant = _sine_cosine(x)
    y = s if quadrant & 1 else c
    return -y if (quadrant + 1) & 2 else y


@nb.njit(forceinline=True, **OPTIONS)
def sqrt(x):
    return math.sqrt(x)


@nb.njit(forceinline=True, **OPTIONS)
def where(condition, a, b):
    return a if condition else b


@nb.njit(forceinline=True, **OPTIONS)
def minimum(a, b):
    return b if b < a else a  # NaN in `a` stays: a diverging cell must be seen


@nb.njit(forceinline=True, **OPTIONS)
def maximum(a, b):
    return b if b > a else a


NAMES = {f.__name__: f for f in (exp, log, sin, cos, sqrt, where, minimum, maximum)}
"""What `binding.bind` puts in the place of the model's NumPy names."""
