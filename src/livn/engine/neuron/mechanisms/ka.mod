TITLE A-type potassium current

COMMENT
i = gmax a b (v - ek).
ENDCOMMENT

NEURON {
    SUFFIX livn_ka
    USEION k READ ek WRITE ik
    RANGE gmax
    THREADSAFE
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S) = (siemens)
}

PARAMETER {
    gmax (S/cm2)
    taua = 1 (ms)
    taub = 15 (ms)
}

ASSIGNED {
    v (mV)
    dt (ms)
    ek (mV)
    ik (mA/cm2)
    g (S/cm2)
    risea
    riseb
}

STATE { a b }

INITIAL {
    a = activation(v)
    b = inactivation(v)
    risea = 1 - exp(-dt/taua)
    riseb = 1 - exp(-dt/taub)
}

BREAKPOINT {
    CONDUCTANCE g USEION k
    SOLVE gates METHOD after_cvode
    g = gmax*a*b
    ik = g*(v - ek)
}

PROCEDURE gates() {
    a = a + risea*(activation(v) - a)
    b = b + riseb*(inactivation(v) - b)
}

FUNCTION activation(u (mV)) { activation = 1/(1 + exp(-(u + 36(mV))/8(mV))) }

FUNCTION inactivation(u (mV)) { inactivation = 1/(1 + exp((u + 66(mV))/8(mV))) }

: current at the potential u with gates at steady state and the reversal potential e
FUNCTION steady(u (mV), e (mV)) (mA/cm2) { steady = gmax*activation(u)*inactivation(u)*(u - e) }
