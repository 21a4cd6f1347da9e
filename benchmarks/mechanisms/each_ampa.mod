TITLE AMPA receptors, one point process per synapse

NEURON { POINT_PROCESS EachAMPA }

PARAMETER {
    tau_signal = 4 (ms)
    side = 1
}

INCLUDE "each.inc"

BREAKPOINT {
    CONDUCTANCE g
    SOLVE advance METHOD after_cvode
    g = B - A
    i = g*(v - e)
}
