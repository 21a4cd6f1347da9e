TITLE NMDA receptors, plastic

COMMENT
Magnesium block after Jahr & Stevens, J Neurosci 10:3178-3182, 1990; 1 mM outside.
ENDCOMMENT

NEURON { POINT_PROCESS StdpLinExp2SynNMDA }

INCLUDE "conductance.inc"

INCLUDE "plastic.inc"

ASSIGNED { slope (uS) }

: The slope is taken over 0.001 mV, as NEURON itself would, for the price of one exponential in place of two.
BREAKPOINT {
    LOCAL block, further
    CONDUCTANCE slope
    SOLVE decay METHOD after_cvode
    conduct()
    block = exp(-0.062(/mV)*v)
    further = block*(1 - 6.2e-5*(1 - 3.1e-5))
    i = g*(v - e)/(1 + block/3.57)
    slope = (g*(v + 0.001(mV) - e)/(1 + further/3.57) - i)/0.001(mV)
}
