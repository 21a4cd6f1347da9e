TITLE Conductance opened by a stimulus, reversing at 0 mV

NEURON {
    POINT_PROCESS LivnOpen
    NONSPECIFIC_CURRENT i
    RANGE g
    THREADSAFE
}

UNITS {
    (mV) = (millivolt)
    (nA) = (nanoamp)
    (uS) = (microsiemens)
}

PARAMETER { g = 0 (uS) }

ASSIGNED {
    v (mV)
    i (nA)
}

BREAKPOINT {
    CONDUCTANCE g
    i = g*v
}
