TITLE NMDA receptors, plastic

COMMENT
Magnesium block after Jahr & Stevens, J Neurosci 10:3178-3182, 1990; 1 mM outside.
ENDCOMMENT

NEURON { POINT_PROCESS StdpLinExp2SynNMDA }

INCLUDE "conductance.inc"

INCLUDE "plastic.inc"

BREAKPOINT {
    SOLVE decay METHOD after_cvode
    conduct()
    i = g*(v - e)/(1 + exp(-0.062(/mV)*v)/3.57)
}
