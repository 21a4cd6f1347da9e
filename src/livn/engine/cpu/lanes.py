"""Vectors of lanes as a type of compiled code: `a + b` of two is one instruction per register, not a loop.

The model's plain functions run on them unchanged, so their code is vector code by construction, whatever LLVM's loop
vectoriser would think of it. A vector wider than a register is several operations side by side, which hides latency.
"""

import operator

import numba as nb
import numpy as np
from llvmlite import binding as llvm
from llvmlite import ir
from numba import types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

__all__ = [
    "AVX512",
    "Lanes",
    "all_lanes",
    "any_lane",
    "bits_of_float",
    "cpu_features",
    "double_at",
    "filled",
    "float_of_bits",
    "has_table",
    "load",
    "load_double",
    "lookup",
    "scaled",
    "single",
    "sqrt",
    "store",
    "store_double",
    "where",
]


class Lanes(types.Type):
    """`count` values of `dtype` (float64, float32, int64, uint64 or boolean), side by side."""

    def __init__(self, dtype, count):
        self.dtype, self.count = dtype, count
        super().__init__(f"Lanes({dtype}, {count})")


_ELEMENTS = {
    types.boolean: ir.IntType(1),
    types.int32: ir.IntType(32),
    types.int64: ir.IntType(64),
    types.uint64: ir.IntType(64),
    types.float32: ir.FloatType(),
    types.float64: ir.DoubleType(),
}
_WHOLE_OF = {types.float32: types.int32, types.float64: types.int64}


@register_model(Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager, lanes):
        super().__init__(manager, lanes, ir.VectorType(_ELEMENTS[lanes.dtype], lanes.count))


def _common(a, b):
    """The type that two operands meet in: lanes beat scalars, floats whole numbers, wide floats narrow ones."""
    lanes = [t for t in (a, b) if isinstance(t, Lanes)]
    floats = [t.dtype for t in lanes if isinstance(t.dtype, types.Float)]
    if floats:
        dtype = types.float64 if types.float64 in floats else types.float32
    elif any(isinstance(t, types.Float) for t in (a, b)):
        dtype = types.float64
    else:
        dtype = lanes[0].dtype
    return Lanes(dtype, lanes[0].count)


def _cast(context, builder, value, given, wanted):
    """A scalar or lanes as the lanes `wanted`."""
    vector = context.get_value_type(wanted)
    if not isinstance(given, Lanes):
        one = context.cast(builder, value, given, wanted.dtype)
        if isinstance(one, ir.Constant):
            return ir.Constant(vector, [one] * wanted.count)
        first = builder.insert_element(ir.Constant(vector, ir.Undefined), one, ir.Constant(ir.IntType(32), 0))
        every = ir.Constant(ir.VectorType(ir.IntType(32), wanted.count), [0] * wanted.count)
        return builder.shuffle_vector(first, first, every)
    if given.dtype == wanted.dtype:
        return value
    if given.dtype == types.float32:
        return builder.fpext(value, vector)
    if given.dtype == types.float64:
        return builder.fptrunc(value, vector)
    # A whole number below 2^52 into the mantissa of 2^52: AVX2 has no instruction for it
    wide = Lanes(types.float64, given.count)
    exponent = _cast(
        context, builder, ir.Constant(ir.IntType(64), 0x433 << 52), types.int64, Lanes(types.int64, given.count)
    )
    as_float = builder.bitcast(builder.or_(value, exponent), context.get_value_type(wide))
    start = _cast(context, builder, ir.Constant(ir.DoubleType(), 2.0**52), types.float64, wide)
    return _cast(context, builder, builder.fsub(as_float, start), wide, wanted)


def _binary(op, on_floats, on_whole, compares=False):
    """Teach Numba an operator of which at least one operand is lanes."""

    @infer_global(op)
    class Template(AbstractTemplate):
        def generic(self, args, kws):
            if len(args) == 2 and any(isinstance(a, Lanes) for a in args):
                met = _common(*args)
                return signature(Lanes(types.boolean, met.count) if compares else met, *args)
            return None

    def lower(context, builder, sig, args):
        met = _common(*sig.args)
        a, b = (_cast(context, builder, v, t, met) for v, t in zip(args, sig.args, strict=True))
        return (on_floats if isinstance(met.dtype, types.Float) else on_whole)(builder, a, b)

    for pair in ((Lanes, Lanes), (Lanes, types.Number), (types.Number, Lanes)):
        lower_builtin(op, *pair)(lower)


for _op, _floats, _whole in (
    (operator.add, ir.IRBuilder.fadd, ir.IRBuilder.add),
    (operator.sub, ir.IRBuilder.fsub, ir.IRBuilder.sub),
    (operator.mul, ir.IRBuilder.fmul, ir.IRBuilder.mul),
    (operator.truediv, ir.IRBuilder.fdiv, None),
    (operator.and_, None, ir.IRBuilder.and_),
    (operator.or_, None, ir.IRBuilder.or_),
    (operator.xor, None, ir.IRBuilder.xor),
    (operator.lshift, None, ir.IRBuilder.shl),
    (operator.rshift, None, ir.IRBuilder.lshr),
):
    _binary(_op, _floats, _whole)
    _inplace = {operator.add: operator.iadd, operator.sub: operator.isub, operator.mul: operator.imul}.get(_op)
    if _inplace is not None:
        _binary(_inplace, _floats, _whole)

for _op, _symbol in (
    (operator.lt, "<"),
    (operator.le, "<="),
    (operator.gt, ">"),
    (operator.ge, ">="),
    (operator.eq, "=="),
    (operator.ne, "!="),
):
    _binary(
        _op,
        lambda builder, a, b, symbol=_symbol: (builder.fcmp_unordered if symbol == "!=" else builder.fcmp_ordered)(
            symbol, a, b
        ),
        lambda builder, a, b, symbol=_symbol: builder.icmp_signed(symbol, a, b),
        compares=True,
    )


def _unary(op, generate):
    """Teach Numba an operation on one vector of floats."""

    @infer_global(op)
    class Template(AbstractTemplate):
        def generic(self, args, kws):
            return signature(args[0], *args) if isinstance(args[0], Lanes) else None

    lower_builtin(op, Lanes)(lambda context, builder, sig, args: generate(builder, args[0], sig.args[0]))


def _elementwise(name):
    """What calls LLVM's intrinsic function `name`."""

    def generate(builder, value, given):
        bits = _BITS[getattr(given, "dtype", given)]
        full = f"llvm.{name}.v{given.count}f{bits}" if isinstance(given, Lanes) else f"llvm.{name}.f{bits}"
        known = builder.module.globals.get(full)
        return builder.call(
            known or ir.Function(builder.module, ir.FunctionType(value.type, [value.type]), full), [value]
        )

    return generate


_unary(operator.neg, lambda builder, value, given: builder.fneg(value))
_unary(abs, _elementwise("fabs"))


@intrinsic
def sqrt(typing, x):
    """Square root of floats."""
    return x(x), lambda context, builder, sig, args: _elementwise("sqrt")(builder, args[0], x)


@intrinsic
def where(typing, condition, a, b):
    """a where the condition holds, else b."""
    if isinstance(condition, Lanes):
        lanes = isinstance(a, Lanes) or isinstance(b, Lanes)
        met = _common(a, b) if lanes else Lanes(types.float64, condition.count)
    else:
        met = types.float64

    def generate(context, builder, sig, args):
        cast = _cast if isinstance(met, Lanes) else lambda c, build, v, given, wanted: c.cast(build, v, given, wanted)
        yes, no = (cast(context, builder, v, t, met) for v, t in zip(args[1:], (a, b), strict=True))
        return builder.select(args[0], yes, no)

    return met(condition, a, b), generate


def _reinterpreted(x, dtype):
    target = Lanes(dtype, x.count) if isinstance(x, Lanes) else dtype
    return target(x), lambda context, builder, sig, args: builder.bitcast(args[0], context.get_value_type(target))


@intrinsic
def bits_of_float(typing, x):
    """The bits of floats as whole numbers of the same width."""
    return _reinterpreted(x, _WHOLE_OF[getattr(x, "dtype", x)])


@intrinsic
def float_of_bits(typing, bits):
    """The floats with the bits of whole numbers."""
    return _reinterpreted(bits, types.float32 if getattr(bits, "dtype", bits) == types.int32 else types.float64)


def cpu_features() -> str:
    """The features of the CPU that Numba compiles for, as LLVM names them."""
    if nb.config.CPU_FEATURES is not None:
        return nb.config.CPU_FEATURES
    return "" if nb.config.CPU_NAME else llvm.get_host_cpu_features().flatten()


AVX512 = "+avx512f" in cpu_features()
_BITS = {types.float32: 32, types.float64: 64}


def has_table(x):
    """Whether `lookup` and `scaled` are there for lanes of this type: instructions of AVX-512."""
    return AVX512 and isinstance(x, Lanes) and x.dtype in _BITS and x.count * _BITS[x.dtype] % 512 == 0


def _by_registers(builder, name, arguments, *vectors):
    """An instruction of AVX-512 on floats, a register at a time; `arguments` makes its from one of each vector."""
    width = 8 if "pd" in name or ".df" in name else 16
    result = ir.VectorType(ir.DoubleType() if width == 8 else ir.FloatType(), width)
    parts = []
    for first in range(0, vectors[0].type.count, width):
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), width), list(range(first, first + width)))
        values = arguments(*(builder.shuffle_vector(v, v, lanes) for v in vectors))
        declared = ir.FunctionType(result, [v.type for v in values])
        function = builder.module.globals.get(name) or ir.Function(builder.module, declared, name)
        parts.append(builder.call(function, values))
    while len(parts) > 1:
        n = 2 * parts[0].type.count
        both = ir.Constant(ir.VectorType(ir.IntType(32), n), list(range(n)))
        parts = [builder.shuffle_vector(a, b, both) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


@intrinsic
def scaled(typing, p, k):
    """p · 2^⌊k⌋."""
    kind, width = ("pd", 8) if p.dtype == types.float64 else ("ps", 16)

    def arguments(p, k):
        return p, k, p, ir.Constant(ir.IntType(width), -1), ir.Constant(ir.IntType(32), 4)  # no mask, usual rounding

    return p(p, k), lambda context, builder, sig, args: _by_registers(
        builder, f"llvm.x86.avx512.mask.scalef.{kind}.512", arguments, *args
    )


def lookup(values):
    """A function that takes the lowest four bits of whole numbers to one of sixteen values, floats of their width."""

    @intrinsic
    def looked_up(typing, bits):
        if bits.dtype == types.int64:
            low, high = (ir.Constant(ir.VectorType(ir.DoubleType(), 8), half) for half in (values[:8], values[8:]))
            name, arguments = "llvm.x86.avx512.vpermi2var.pd.512", lambda n: (low, n, high)
        else:
            table = ir.Constant(ir.VectorType(ir.FloatType(), 16), np.float32(values).tolist())
            name, arguments = "llvm.x86.avx512.permvar.sf.512", lambda n: (table, n)
        dtype = types.float64 if bits.dtype == types.int64 else types.float32
        return Lanes(dtype, bits.count)(bits), lambda context, builder, sig, args: _by_registers(
            builder, name, arguments, *args
        )

    return looked_up


@intrinsic
def filled(typing, x, value):
    """`value` in every lane, of the type of the lanes x."""
    return x(x, value), lambda context, builder, sig, args: _cast(context, builder, args[1], value, x)


@intrinsic
def single(typing, x):
    """Lanes of floats as float32."""
    narrow = Lanes(types.float32, x.count)
    return narrow(x), lambda context, builder, sig, args: _cast(context, builder, args[0], x, narrow)


def _pointer(context, builder, array, x, offset, vector):
    data = context.make_array(array)(context, builder, x).data
    return builder.bitcast(builder.gep(data, [offset]), vector.as_pointer())


def _load(x, offset, count, dtype):
    lanes = Lanes(dtype, count.literal_value)

    def generate(context, builder, sig, args):
        vector = context.get_value_type(lanes)
        found = builder.load(_pointer(context, builder, x, args[0], args[1], vector), typ=vector)
        found.align = _BITS.get(dtype, 64) // 8
        return found

    return lanes(x, types.int64, count), generate


def _store(x, offset, value, dtype):
    lanes = Lanes(dtype, value.count)

    def generate(context, builder, sig, args):
        cast = _cast(context, builder, args[2], value, lanes)
        to = _pointer(context, builder, x, args[0], args[1], context.get_value_type(lanes))
        builder.store(cast, to, align=_BITS.get(dtype, 64) // 8)
        return context.get_dummy_value()

    return types.none(x, types.int64, value), generate


@intrinsic(prefer_literal=True)
def load(typing, x, offset, count):
    """`count` (a constant) lanes from x[offset] on."""
    return _load(x, offset, count, x.dtype)


@intrinsic(prefer_literal=True)
def store(typing, x, offset, value):
    """Write lanes from x[offset] on."""
    return _store(x, offset, value, x.dtype)


@intrinsic(prefer_literal=True)
def load_double(typing, x, offset, count):
    """`count` lanes of the float64 that lie from x[offset] on, whatever x holds elsewhere."""
    return _load(x, offset, count, types.float64)


@intrinsic(prefer_literal=True)
def store_double(typing, x, offset, value):
    """Write lanes as float64 from x[offset] on."""
    return _store(x, offset, value, types.float64)


@intrinsic
def double_at(typing, x, offset, i):
    """The i-th of the float64 that lie from x[offset] on."""

    def generate(context, builder, sig, args):
        pointer = _pointer(context, builder, x, args[0], args[1], ir.DoubleType())
        found = builder.load(builder.gep(pointer, [args[2]]), typ=ir.DoubleType())
        found.align = 8
        return found

    return types.float64(x, types.int64, types.int64), generate


def _mask_is(mask, symbol, bits):
    def generate(context, builder, sig, args):
        word = ir.IntType(mask.count)
        return builder.icmp_unsigned(symbol, builder.bitcast(args[0], word), ir.Constant(word, bits))

    return types.boolean(mask), generate


@intrinsic
def all_lanes(typing, mask):
    """Whether a condition holds in every lane."""
    return _mask_is(mask, "==", -1)


@intrinsic
def any_lane(typing, mask):
    """Whether a condition holds in some lane."""
    return _mask_is(mask, "!=", 0)
