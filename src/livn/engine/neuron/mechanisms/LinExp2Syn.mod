TITLE GABA_B receptors, not plastic

NEURON { POINT_PROCESS LinExp2Syn }

INCLUDE "conductance.inc"

BREAKPOINT {
    CONDUCTANCE g
    SOLVE decay METHOD after_cvode
    conduct()
    i = g*(v - e)
}

NET_RECEIVE(jump (uS), w, last) {
    INITIAL { } : they are the engine's
    arrive(jump)
}
