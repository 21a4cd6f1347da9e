TITLE AMPA receptors, one point process per synapse, as usually written

NEURON { POINT_PROCESS UsualAMPA }

PARAMETER { tau_signal = 4 (ms) }

FUNCTION open(u (mV), theta (mV)) { open = u > theta }

BREAKPOINT {
    SOLVE states METHOD cnexp
    drive = drive_at(v)
    g = B - A
    i = g*(v - e)
}

INCLUDE "usual.inc"
