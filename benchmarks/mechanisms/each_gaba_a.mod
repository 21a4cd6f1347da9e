TITLE GABA_A receptors, one point process per synapse

NEURON { POINT_PROCESS EachGABA_A }

PARAMETER {
    tau_signal = 1 (ms)
    side = -1
}

INCLUDE "each.inc"

BREAKPOINT {
    CONDUCTANCE g
    SOLVE advance METHOD after_cvode
    g = B - A
    i = g*(v - e)
}
