TITLE NMDA receptors, one point process per synapse

COMMENT
The slope of the current over 0.001 mV, which NEURON would find by evaluating it twice, is computed from one exponential.
ENDCOMMENT

NEURON {
    POINT_PROCESS EachNMDA
    RANGE slope
}

PARAMETER {
    tau_signal = 4 (ms)
    side = 1
}

ASSIGNED { slope (uS) }

INCLUDE "each.inc"

BREAKPOINT {
    LOCAL block, beyond
    CONDUCTANCE slope
    SOLVE advance METHOD after_cvode
    g = B - A
    block = exp(-0.062(/mV)*v)
    beyond = block*(1 - 0.062e-3*(1 - 0.031e-3))
    i = g*(v - e)/(1 + block/3.57)
    slope = (g*(v + 0.001(mV) - e)/(1 + beyond/3.57) - i)/0.001(mV)
}
