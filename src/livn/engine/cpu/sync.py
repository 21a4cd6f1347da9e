"""A barrier for threads inside compiled code: they meet every shortest delay, far too often for Python's own."""

import sys

import numba as nb
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from livn.engine.cpu.maths import KERNEL

ARRIVED, GENERATION = 0, 8  # eight words apart: one cache line each
WORDS = 16


def _pointer(context, builder, signature, args):
    array = context.make_array(signature.args[0])(context, builder, args[0])
    return builder.gep(array.data, [args[1]])


@intrinsic
def fetch_add(typing, array, index, value):
    """Atomically add `value` to array[index] (int64) and return what was there."""

    def generate(context, builder, signature, args):
        return builder.atomic_rmw("add", _pointer(context, builder, signature, args), args[2], "seq_cst")

    return types.int64(array, types.int64, types.int64), generate


@intrinsic
def fetch(typing, array, index):
    """Atomically read array[index] (int64)."""

    def generate(context, builder, signature, args):
        pointer = _pointer(context, builder, signature, args)
        return builder.atomic_rmw("or", pointer, ir.Constant(ir.IntType(64), 0), "seq_cst")

    return types.int64(array, types.int64), generate


# The symbol of the C runtime that gives the rest of the time slice away
give_way = types.ExternalFunction("SwitchToThread" if sys.platform == "win32" else "sched_yield", types.int32())

SPINS = 2000  # about 20 µs: longer than a fair wait, shorter than a time slice


@nb.njit(**KERNEL)
def barrier(sync, n_threads):
    """Wait until all `n_threads` threads have come here."""
    if n_threads == 1:
        return
    generation = fetch(sync, GENERATION)
    if fetch_add(sync, ARRIVED, 1) == n_threads - 1:
        fetch_add(sync, ARRIVED, -n_threads)
        fetch_add(sync, GENERATION, 1)
    else:
        spins = 0
        while fetch(sync, GENERATION) == generation:
            spins += 1
            if spins > SPINS:
                give_way()
