TITLE N-type calcium current

COMMENT
i = gmax m^2 h ghk(v). Booth, Rinzel & Kiehn, J Neurophysiol 78:3371-3385, 1997.
ENDCOMMENT

NEURON {
    SUFFIX livn_can
    USEION ca READ cai WRITE ica
    RANGE gmax
    THREADSAFE
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S) = (siemens)
    (mM) = (milli/liter)
}

PARAMETER {
    gmax (S/cm2)
    taum = 4 (ms)
    tauh = 40 (ms)
}

INCLUDE "ghk.inc"

ASSIGNED {
    risem
    riseh
}

STATE { m h }

INITIAL {
    m = activation(v)
    h = inactivation(v)
    risem = 1 - exp(-dt/taum)
    riseh = 1 - exp(-dt/tauh)
}

BREAKPOINT {
    CONDUCTANCE slope USEION ca
    SOLVE gates METHOD after_cvode
    flow(gmax*m*m*h, scale())
}

PROCEDURE gates() {
    m = m + risem*(activation(v) - m)
    h = h + riseh*(inactivation(v) - h)
}

FUNCTION activation(u (mV)) { activation = 1/(1 + exp(-(u + 30(mV))/5(mV))) }

FUNCTION inactivation(u (mV)) { inactivation = 1/(1 + exp((u + 45(mV))/5(mV))) }

FUNCTION scale() (mV) { scale = 36(mV)*(celsius + 273.15(degC))/293.15(degC)/2 }

: current at the potential u with gates at steady state and the calcium concentration ca
FUNCTION steady(u (mV), ca (mM)) (mA/cm2) {
    steady = gmax*activation(u)^2*inactivation(u)*ghk(u, ca, scale())
}
