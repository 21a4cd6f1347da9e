TITLE AMPA receptors with short-term depression

COMMENT
Tsodyks & Markram, PNAS 94:719-723, 1997: of a connection's resources R a spike releases the share U, they recover with
tau_rec. The connection carries R and the step of its last event.
ENDCOMMENT

NEURON { POINT_PROCESS DepLinExp2Syn }

PARAMETER {
    U = 0.25
    tau_rec = 400 (ms)
}

INCLUDE "conductance.inc"

BREAKPOINT {
    CONDUCTANCE g
    SOLVE decay METHOD after_cvode
    conduct()
    i = g*(v - e)
}

NET_RECEIVE(jump (uS), resources, last) {
    INITIAL { } : they are the engine's
    resources = 1 - (1 - resources)*exp(-(count - last)*dt/tau_rec)
    arrive(jump*resources*U)
    resources = resources*(1 - U)
    last = count
}
