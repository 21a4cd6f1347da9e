TITLE Transient sodium current

COMMENT
i = gmax m^3 h (v - ena). The activation m is instantaneous; it is evaluated between the steps, so that the implicit
step for v holds it fixed: its slope would make the denominator negative.
Booth, Rinzel & Kiehn, J Neurophysiol 78:3371-3385, 1997.
ENDCOMMENT

NEURON {
    SUFFIX livn_na
    USEION na READ ena WRITE ina
    RANGE gmax
    THREADSAFE
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S) = (siemens)
}

PARAMETER { gmax (S/cm2) }

ASSIGNED {
    v (mV)
    ena (mV)
    ina (mA/cm2)
    g (S/cm2)
    m
}

STATE { h }

INITIAL {
    m = activation(v)
    h = inactivation(v)
}

BREAKPOINT {
    CONDUCTANCE g USEION na
    SOLVE gates METHOD cnexp
    g = gmax*m*m*m*h
    ina = g*(v - ena)
}

DERIVATIVE gates {
    m = activation(v)
    h' = (inactivation(v) - h)/tau(v)
}

FUNCTION activation(u (mV)) { activation = 1/(1 + exp(-(u + 35(mV))/7.8(mV))) }

FUNCTION inactivation(u (mV)) { inactivation = 1/(1 + exp((u + 55(mV))/7(mV))) }

FUNCTION tau(u (mV)) (ms) { tau = 30(ms)/(exp((u + 50(mV))/15(mV)) + exp(-(u + 50(mV))/16(mV))) }

: current at the potential u with gates at steady state and the reversal potential e
FUNCTION steady(u (mV), e (mV)) (mA/cm2) { steady = gmax*activation(u)^3*inactivation(u)*(u - e) }
