TITLE GABA_A receptors, one point process per synapse, as usually written

NEURON { POINT_PROCESS UsualGABA_A }

PARAMETER { tau_signal = 1 (ms) }

FUNCTION open(u (mV), theta (mV)) { open = u < theta }

BREAKPOINT {
    SOLVE states METHOD cnexp
    drive = drive_at(v)
    g = B - A
    i = g*(v - e)
}

INCLUDE "usual.inc"
