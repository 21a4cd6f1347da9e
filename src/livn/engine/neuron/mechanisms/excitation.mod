TITLE Excitatory background conductance: max(0, mean + sd z), z the number of LivnBackground

NEURON {
    POINT_PROCESS LivnExcitation
    NONSPECIFIC_CURRENT i
    RANGE on, mean, sd, e, g
    THREADSAFE : before POINTER, or NEURON takes the mechanism for one that threads may not share, and is slower
    POINTER z
}

UNITS {
    (mV) = (millivolt)
    (nA) = (nanoamp)
    (uS) = (microsiemens)
}

PARAMETER {
    on = 0
    mean = 0 (uS)
    sd = 0 (uS)
    e = 0 (mV)
}

ASSIGNED {
    v (mV)
    i (nA)
    g (uS)
    z
}

BREAKPOINT {
    CONDUCTANCE g
    g = on*(mean + sd*z)
    if (g < 0) { g = 0 }
    i = g*(v - e)
}
