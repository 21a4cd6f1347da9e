"""Spikes on their way: from the cell that fired to the conductances it opens.

The connections of a tile lie in memory by (source, delay), so that one spike meets one run of them in the order of
their arrival. A run under way is three numbers: its next connection, its end, and the step that the spike is stamped
with. Runs are kept in the order of the spikes, hence conductances add up in the same order however the time is cut into
windows or the tiles are dealt to threads.
"""

import numba as nb

from livn.engine.cpu.binding import bind
from livn.engine.cpu.maths import OPTIONS
from livn.models.plasticity import updated
from livn.models.synapses import recovered, released

WIDTH = 16
"""Cells per tile: two AVX-512 or four AVX2 vectors of doubles."""

STATIC, DEPRESSING, LEARNING = 0, 1, 2
"""What an event does to its connection; LEARNING + r: the rule r."""

_updated = bind(updated)
_recovered, _released = bind(recovered), bind(released)


@nb.njit(**OPTIONS)
def deliver(x, step, n_active, run_next, run_end, run_born, delay, slot, jump, weight, last, mode, integral, bounds,
            plastic, dt):  # fmt: skip
    """Apply the events due at `step` to a tile's state x: learn, then open the conductance."""
    for r in range(n_active):
        c = run_next[r]
        end = run_end[r]
        age = step - run_born[r]
        while c < end and delay[c] == age:
            k = slot[c]
            kind = mode[k // WIDTH]
            g = jump[c]
            if kind == STATIC:
                pass
            elif kind == DEPRESSING:  # weight holds the resources, last the step of the last event
                share, weight[c] = _released(_recovered(weight[c], (step - last[c]) * dt))
                g *= share
                last[c] = step
            else:
                if plastic:
                    now = x[integral[k // WIDTH] + k % WIDTH]
                    rule = kind - LEARNING
                    weight[c] = _updated(weight[c], now, last[c], bounds[rule, 0], bounds[rule, 1])
                    last[c] = now
                g *= weight[c]
            x[k] += g
            x[k + WIDTH] += g
            c += 1
        run_next[r] = c


@nb.njit(**OPTIONS)
def launch(low, high, step, first, count, spike_step, spike_cell, source, run_tile, run_start, run_stop, delay,
           n_active, run_next, run_end, run_born):  # fmt: skip
    """Drop the finished runs of the tiles low..high and add those of the spikes first..count.

    What a run would have delivered before `step` is passed over: so a saved state finds its spikes again.
    """
    for t in range(low, high):
        kept = 0
        for r in range(n_active[t]):
            if run_next[t, r] < run_end[t, r]:
                run_next[t, kept] = run_next[t, r]
                run_end[t, kept] = run_end[t, r]
                run_born[t, kept] = run_born[t, r]
                kept += 1
        n_active[t] = kept
    for s in range(first, count):
        cell = spike_cell[s]
        born = spike_step[s]
        for r in range(source[cell], source[cell + 1]):
            t = run_tile[r]
            if low <= t < high:
                c = run_start[r]
                end = run_stop[r]
                while c < end and born + delay[c] < step:
                    c += 1
                if c < end:
                    n = n_active[t]
                    run_next[t, n] = c
                    run_end[t, n] = end
                    run_born[t, n] = born
                    n_active[t] = n + 1


@nb.njit(**OPTIONS)
def room(first, count, spike_cell, source, run_tile, n_active, needed):
    """Runs that the fullest tile would hold after the spikes first..count were launched; `needed` is scratch."""
    most = 0
    for t in range(n_active.size):
        needed[t] = n_active[t]
        most = max(most, n_active[t])
    for s in range(first, count):
        for r in range(source[spike_cell[s]], source[spike_cell[s] + 1]):
            needed[run_tile[r]] += 1
            most = max(most, needed[run_tile[r]])
    return most


@nb.njit(**OPTIONS)
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
