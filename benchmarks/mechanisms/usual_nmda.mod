TITLE NMDA receptors, one point process per synapse, as usually written

NEURON { POINT_PROCESS UsualNMDA }

PARAMETER { tau_signal = 4 (ms) }

FUNCTION open(u (mV), theta (mV)) { open = u > theta }

BREAKPOINT {
    SOLVE states METHOD cnexp
    drive = drive_at(v)
    g = B - A
    i = g*(v - e)/(1 + exp(-0.062(/mV)*v)/3.57)
}

INCLUDE "usual.inc"
