"""The elementary functions as arithmetic, on numbers and on lanes alike.

Each is accurate to about 1e-15 relative (exp on AVX-512: 6e-15; sin, cos and log near 1: absolute) over the range that
the model uses, on lanes of float32 to 3e-7. The C library's versions take one number at a time and would cost ten times
as much.
"""

import math

import numba as nb
from llvmlite import binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from livn.engine.cpu.lanes import bits_of_float, float_of_bits, has_table, lookup, scaled, sqrt, where

# Fused multiply-add and reciprocals are welcome; NaN and infinity keep their meaning, so that a diverging cell can be
# seen, and sums keep their order, so that argument reduction below stays exact.
OPTIONS = {"fastmath": {"contract", "arcp", "nsz"}, "error_model": "numpy", "nogil": True}

# The caller holds all arrays: counting references to them took 5 % of the time (an option that Numba has for its own)
KERNEL = OPTIONS | {"_nrt": False}


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


_X86 = llvm.get_process_triple().startswith("x86_64")
_FLUSH = 0x8040  # MXCSR: denormal results are 0, and so are denormal operands


@intrinsic
def flush_denormals(typing, value):
    """Compute as if numbers too small for the exponent (below 1e-307) were 0, or with `value` as before; the old mode.

    A conductance decays through them when a culture is silent, and x86 takes a hundred times as long for each. Other
    CPUs are as fast with them.
    """

    def generate(context, builder, signature, args):
        word = ir.IntType(32)
        if not _X86:
            return word(0)
        at = cgutils.alloca_once(builder, word)
        pointer = builder.bitcast(at, ir.IntType(8).as_pointer())
        mode = ir.FunctionType(ir.VoidType(), [pointer.type])
        store, load = (
            cgutils.get_or_insert_function(builder.module, mode, f"llvm.x86.sse.{name}")
            for name in ("stmxcsr", "ldmxcsr")
        )
        builder.call(store, [pointer])
        before = builder.load(at)
        after = builder.or_(before, word(_FLUSH)) if value is types.none else args[0]
        builder.store(after, at)
        builder.call(load, [pointer])
        return before

    return types.uint32(value), generate


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
# (ln(1 + x) - x)/x² within 1/32
_LOG = (
    -0.5000000000000074, 0.3333333333431397, -0.24999999981880996, 0.19999991590553715, -0.16666726852618638,
    0.1430378294218596, -0.12458232990001235,
)  # fmt: skip
# The same for float32
_EXP_32 = (
    1.0, 1.0000000363230666, 0.4999999208017592, 0.166664201704388, 0.04166822548485667, 0.008374815769471657,
    0.0013836850703242984,
)  # fmt: skip
_ATANH_32 = (1.999999998614444, 0.6666681637182167, 0.3997475679474195, 0.29926514196191795)
_SIN_32 = (1.0, -0.16666650699195862, 0.00833203687463448, -0.00019504021932752161)
_COS_32 = (1.0, -0.4999999961543416, 0.041666616739267456, -0.001388661921182319, 2.4379929500678305e-05)


def _polynomial(coefficients):
    """The polynomial with these coefficients, the lowest first, by Horner's scheme."""
    text = repr(coefficients[-1])
    for c in coefficients[-2::-1]:
        text = f"{c!r} + x * ({text})"
    namespace = {}
    exec(f"def polynomial(x):\n    return {text}\n", namespace)
    return nb.njit(forceinline=True, **OPTIONS)(namespace["polynomial"])


def _compiled(name, choose):
    """The function of this name; compiled code takes the variant that `choose` returns for the type of x."""

    def function(x):
        raise NotImplementedError("compiled code only")

    function.__name__ = name
    overload(function, jit_options={"forceinline": True, **OPTIONS})(choose)
    return function


def _is_single(x):
    return getattr(x, "dtype", x) == types.float32


@nb.njit(forceinline=True, **OPTIONS)
def minimum(a, b):
    return where(b < a, b, a)  # NaN in `a` stays: a diverging cell must be seen


@nb.njit(forceinline=True, **OPTIONS)
def maximum(a, b):
    return where(b > a, b, a)


def _exp_variant(x):
    if _is_single(x):
        return _exp_by_table_32 if has_table(x) else _exp_by_polynomial_32
    return _exp_by_table if has_table(x) else _exp_by_polynomial


def _polynomial_exp(polynomial, furthest, mantissa):
    """e^x = 2^k e^r; within e^±furthest."""
    rounder = 1.5 * 2.0**mantissa  # a number added to it is rounded to a whole one, in its lowest bits

    def exp(x):
        x = minimum(maximum(x, -furthest), furthest)
        k = x * 1.4426950408889634 + rounder - rounder
        p = polynomial(x - k * 0.6931471805599453)
        return float_of_bits(bits_of_float(p) + (bits_of_float(k + rounder) << mantissa))

    return exp


sixteenth_power = lookup([2.0 ** (n / 16) for n in range(16)])

_exp_by_polynomial = _polynomial_exp(_polynomial(_EXP), 700.0, 52)
_exp_by_polynomial_32 = _polynomial_exp(_polynomial(_EXP_32), 87.0, 23)


def _exp_by_table(x):
    """With AVX-512 two instructions look up 2^(n/16) and scale by 2^m, and a short polynomial does the rest."""
    t = x * 1.4426950408889634 + 1.5 * 2.0**48  # x/ln 2 to sixteenths
    k = t - 1.5 * 2.0**48
    r = x - k * 0.6931471805599453
    p = r + r * r * (
        0.4999999998690546 + r * (0.16666666672732786 + r * (0.041667572130002585 + r * 0.00833327185802029))
    )
    power = sixteenth_power(bits_of_float(t))
    return scaled(power + power * p, k)


def _exp_by_table_32(x):
    x = minimum(maximum(x, -87.0), 87.0)  # infinities are nearer than in float64, and 0·∞ would be a diverged cell
    t = x * 1.4426950408889634 + 1.5 * 2.0**19
    k = t - 1.5 * 2.0**19
    r = x - k * 0.6931471805599453
    p = r + r * r * (0.5 + r * 0.16666666666666666)
    power = sixteenth_power(bits_of_float(t))
    return scaled(power + power * p, k)


def _reciprocal_by_newton(x):
    """Where 512-bit arithmetic is plenty and divisions take as long as ever: the exponent negated, then iterations."""
    r = float_of_bits(0x7FDE623822FC16E6 - bits_of_float(x))  # within 5 %
    e = 1.0 - x * r
    r += r * (e + e * e)
    r += r * (1.0 - x * r)
    return r + r * (1.0 - x * r)


exp = _compiled("exp", _exp_variant)
reciprocal = _compiled(
    "reciprocal", lambda x: _reciprocal_by_newton if has_table(x) and not _is_single(x) else lambda x: 1.0 / x
)


def _logarithm(root, bias, mantissa, atanh):
    """ln of m · 2^e, m from √½ (whose bits are `root`) to √2, in a format with this bias and length of the mantissa."""
    low, whole = (1 << mantissa) - 1, 2.0**mantissa

    def log(x):
        shifted = bits_of_float(x) - root + (bias << mantissa)
        m = float_of_bits((shifted & low) + root)
        e = float_of_bits((shifted >> mantissa) | ((bias + mantissa) << mantissa)) - (whole + bias)
        s = (m - 1.0) * reciprocal(m + 1.0)
        return s * atanh(s * s) + e * 0.6931471805599453

    return log


_NEAR = (1023 << 52) - (17 << 47)
"""Bits of the number from which sixteen parts reach to its double, one of them about 1."""
_MIDDLES = [(1.0 + n / 16 if n > 0 else 1.0 + n / 32) for n in range(-8, 8)]
near, log_near = lookup([1.0 / m for m in _MIDDLES]), lookup([-math.log(1.0 / m) for m in _MIDDLES])
_log_polynomial = _polynomial(_LOG)


def _log_variant(x):
    if _is_single(x):
        return _log_32
    return _log_by_table if has_table(x) else _log


def _log_by_table(x):
    """With AVX-512 the reciprocal of the nearest of sixteen numbers is looked up, and its logarithm. About 1 both are
    exact, so that ln of a number below 1 is never above 0."""
    shifted = bits_of_float(x) - _NEAR + (1023 << 52)
    m = float_of_bits((shifted & ((1 << 52) - 1)) + _NEAR)
    e = float_of_bits((shifted >> 52) | (1075 << 52)) - (2.0**52 + 1023)
    part = shifted >> 48
    r = m * near(part) - 1.0
    return e * 0.6931471805599453 + log_near(part) + (r + r * r * _log_polynomial(r))


_log = _logarithm(0x3FE6A09E667F3BCD, 1023, 52, _polynomial(_ATANH))
_log_32 = _logarithm(0x3F3504F3, 127, 23, _polynomial(_ATANH_32))
log = _compiled("log", _log_variant)


def _trigonometry(sine, cosine, high, low, mantissa, sign):
    """sin and cos, for |x| up to about 1e5; π/2 = high + low, and the sign is bit `sign` + 1."""
    rounder = 1.5 * 2.0**mantissa

    @nb.njit(forceinline=True, **OPTIONS)
    def reduced(x):
        """sin and cos of the angle reduced to ±π/4, and the quadrant in the lowest bits."""
        t = x * 0.6366197723675814 + rounder
        k = t - rounder
        r = x - k * high - k * low
        z = r * r
        return r * sine(z), cosine(z), bits_of_float(t)

    def sin(x):
        s, c, quadrant = reduced(x)
        y = where((quadrant & 1) == 1, c, s)
        return float_of_bits(bits_of_float(y) ^ ((quadrant & 2) << sign))

    def cos(x):
        s, c, quadrant = reduced(x)
        y = where((quadrant & 1) == 1, s, c)
        return float_of_bits(bits_of_float(y) ^ (((quadrant + 1) & 2) << sign))

    return sin, cos


_sin, _cos = _trigonometry(_polynomial(_SIN), _polynomial(_COS), 1.5707963267341256, 6.077100506506192e-11, 52, 62)
_sin_32, _cos_32 = _trigonometry(_polynomial(_SIN_32), _polynomial(_COS_32), 1.5703125, 4.838267948966e-4, 23, 30)
sin = _compiled("sin", lambda x: _sin_32 if _is_single(x) else _sin)
cos = _compiled("cos", lambda x: _cos_32 if _is_single(x) else _cos)

NAMES = {f.__name__: f for f in (exp, log, sin, cos, sqrt, reciprocal, where, minimum, maximum)}
"""What `binding.bind` puts in the place of the model's NumPy names."""
