TITLE GABA_A receptors, plastic

NEURON { POINT_PROCESS StdpLinExp2SynInh }

INCLUDE "conductance.inc"

INCLUDE "plastic.inc"

BREAKPOINT {
    CONDUCTANCE g
    SOLVE decay METHOD after_cvode
    conduct()
    i = g*(v - e)
}
