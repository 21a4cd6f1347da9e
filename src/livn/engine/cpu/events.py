"""Spikes on their way: from the cell that fired to the conductances it opens.

The connections of a block of tiles lie in memory by (source, delay), so that one spike meets one run of them in the
order of their arrival. Runs under way are kept in the order of the spikes, and their events queued window by window:
conductances add up in the same order however the time is cut into windows or the tiles are dealt to threads.
"""

import numba as nb
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from livn.engine.cpu.binding import bind
from livn.engine.cpu.lanes import double_at
from livn.engine.cpu.maths import KERNEL
from livn.models.plasticity import updated
from livn.models.synapses import recovered, released

SHIFT = 5
WIDTH = 1 << SHIFT
"""Cells per tile."""

STATIC, DEPRESSING, LEARNING = 0, 1, 2
"""What an event does to its connection; LEARNING + r: the rule r."""

_updated = bind(updated)
_recovered, _released = bind(recovered), bind(released)


CONNECTION = np.dtype([("jump", float), ("weight", float), ("last", float)])
"""What an event reads and writes of a connection: jump, µS, of A and B at multiplier 1; the multiplier (the resources R
where the receptor depresses); Λ at the last event (the step of the last event where it depresses)."""

ARRIVAL = np.dtype([("delay", np.int32), ("slot", np.int32)])
"""When and where the events of a connection arrive, which is read before them: delay in steps; slot, the offset of the
conductance's A in its tile (B is WIDTH further on), above it the tile in its block."""

OFFSET_BITS = 16
OFFSET = (1 << OFFSET_BITS) - 1
"""What of a slot is the offset in the tile."""

RUN = np.dtype([("block", np.int32), ("start", np.int32), ("stop", np.int32), ("delay", np.int32)], align=True)
"""The connections start..stop from one source into one block of tiles, and the shortest of their delays in steps."""

UNDER_WAY = np.dtype([("next", np.int32), ("stop", np.int32), ("born", np.int64)], align=True)
"""A run on its way: its next connection, its end, the step that the spike is stamped with."""

AHEAD = 24
"""How many reads earlier memory is asked for."""

OVER = 1 << 62
"""When the next event of a run is due that has had its last."""


@intrinsic
def prefetch(typing, array, index):
    """Ask for array[index] to be brought near."""

    def generate(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        at = builder.bitcast(builder.gep(data, [args[1]]), ir.IntType(8).as_pointer())
        zero, one, near = ir.IntType(32)(0), ir.IntType(32)(1), ir.IntType(32)(3)
        kind = ir.FunctionType(ir.VoidType(), [at.type, one.type, near.type, one.type])
        function = builder.module.globals.get("llvm.prefetch.p0") or ir.Function(
            builder.module, kind, "llvm.prefetch.p0"
        )
        builder.call(function, [at, zero, near, one])
        return context.get_dummy_value()

    return types.none(array, index), generate


@nb.njit(**KERNEL)
def line_up(step, n_steps, n_active, due, under_way, arrivals, links, ready, begin, first, queue):
    """Queue the events of a block that are due in the `n_steps` from `step` on, by tile and step, then by spike.

    Those of a tile at step + i stand in `queue` from first[tile · n_steps + i] to the next of `first`: the connection,
    and below it the offset in the tile. Returns how many runs are over now.
    """
    m = 0
    for r in range(n_active):  # without a branch to mispredict
        ready[m] = r
        m += due[r] < step + n_steps
    first[:] = 0
    done = 0
    for k in range(-AHEAD, m):
        if k + AHEAD < m:
            prefetch(arrivals, under_way[ready[k + AHEAD]].next)
        if k < 0:
            continue
        r = ready[k]
        run = under_way[r]
        c = run.next
        stop = run.stop
        start = step - run.born
        begin[k] = c
        while c < stop and arrivals[c].delay < start + n_steps:
            first[(arrivals[c].slot >> OFFSET_BITS) * n_steps + arrivals[c].delay - start + 2] += 1
            c += 1
        run.next = c
        if c < stop:
            due[r] = run.born + arrivals[c].delay
        else:
            due[r] = OVER
            done += 1
    for i in range(2, first.size):
        first[i] += first[i - 1]
    for k in range(m):
        run = under_way[ready[k]]
        start = step - run.born
        for c in range(begin[k], run.next):
            prefetch(links, c)  # now, while its neighbours are wanted too
            slot = arrivals[c].slot
            i = (slot >> OFFSET_BITS) * n_steps + arrivals[c].delay - start + 1
            queue[first[i]] = (c << OFFSET_BITS) | (slot & OFFSET)
            first[i] += 1
    return done


@nb.njit(**KERNEL)
def deliver(x, step, low, high, queue, links, mode, integral, bounds, plastic, dt):
    """Apply the events low..high of the queue to a tile's state x: learn, then open the conductance."""
    for k in range(low, high):
        prefetch(links, queue[k + AHEAD] >> OFFSET_BITS)  # those of the next tile at last
        c = queue[k] >> OFFSET_BITS
        slot = queue[k] & OFFSET
        kind = mode[slot >> SHIFT]
        g = links[c].jump
        if kind == STATIC:
            pass
        elif kind == DEPRESSING:
            share, left = _released(_recovered(links[c].weight, (step - links[c].last) * dt))
            g *= share
            links[c].weight = left
            links[c].last = step
        else:
            w = links[c].weight
            if plastic:
                now = double_at(x, integral[slot >> SHIFT], slot & (WIDTH - 1))
                rule = kind - LEARNING
                w = _updated(w, now, links[c].last, bounds[rule, 0], bounds[rule, 1])
                links[c].weight = w
                links[c].last = now
            g *= w
        x[slot] += g
        x[slot + WIDTH] += g


@nb.njit(**KERNEL)
def launch(low, high, step, longest, pending, count, spike_step, spike_cell, source, runs, arrivals, n_active, n_over,
           due, under_way):  # fmt: skip
    """Drop the runs that are over from the blocks low..high, once they are most, and add those of the spikes
    pending..count.

    What a run would have delivered before `step` is passed over: so a saved state finds its spikes again.
    """
    for b in range(low, high):
        if 2 * n_over[b] <= n_active[b]:
            continue
        kept = 0
        for r in range(n_active[b]):
            if due[b, r] < OVER:
                due[b, kept] = due[b, r]
                under_way[b, kept] = under_way[b, r]
                kept += 1
        n_active[b] = kept
        n_over[b] = 0
    for s in range(pending, count):
        cell = spike_cell[s]
        born = spike_step[s]
        for r in range(source[cell], source[cell + 1]):
            b = runs[r].block
            if low <= b < high:
                c = runs[r].start
                stop = runs[r].stop
                first_due = born + runs[r].delay
                if born + longest < step:  # not of the last window
                    while c < stop and born + arrivals[c].delay < step:
                        c += 1
                    if c == stop:
                        continue
                    first_due = born + arrivals[c].delay
                n = n_active[b]
                due[b, n] = first_due
                run = under_way[b, n]
                run.next = c
                run.stop = stop
                run.born = born
                n_active[b] = n + 1


@nb.njit(**KERNEL)
def gather(step, n_steps, n_threads, count, out_step, out_cell, buffer_step, buffer_cell, buffered, counts):
    """Move the threads' spikes of a window behind the `count` earlier ones, by step, then by place; returns the count.

    The threads hold ascending tiles and write in the order (tile, step, lane): a stable count by step does it.
    """
    for i in range(n_steps + 1):
        counts[i] = 0
    for th in range(n_threads):
        for s in range(buffered[th]):
            counts[buffer_step[th, s] - step] += 1
    total = count
    for i in range(n_steps + 1):
        n = counts[i]
        counts[i] = total
        total += n
    for th in range(n_threads):
        for s in range(buffered[th]):
            i = buffer_step[th, s] - step
            out_step[counts[i]] = buffer_step[th, s]
            out_cell[counts[i]] = buffer_cell[th, s]
            counts[i] += 1
        buffered[th] = 0
    return total
