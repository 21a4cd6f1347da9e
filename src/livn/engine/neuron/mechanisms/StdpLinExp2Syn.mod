TITLE AMPA receptors, plastic

NEURON { POINT_PROCESS StdpLinExp2Syn }

INCLUDE "conductance.inc"

INCLUDE "plastic.inc"

BREAKPOINT {
    CONDUCTANCE g
    SOLVE decay METHOD after_cvode
    conduct()
    i = g*(v - e)
}
