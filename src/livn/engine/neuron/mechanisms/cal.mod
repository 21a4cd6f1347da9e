TITLE L-type calcium current

COMMENT
i = gmax m ghk(v). Booth, Rinzel & Kiehn, J Neurophysiol 78:3371-3385, 1997.
ENDCOMMENT

NEURON {
    SUFFIX livn_cal
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
    taum = 60 (ms)
}

INCLUDE "ghk.inc"

ASSIGNED { risem }

STATE { m }

INITIAL {
    m = activation(v)
    risem = 1 - exp(-dt/taum)
}

BREAKPOINT {
    CONDUCTANCE slope USEION ca
    SOLVE gate METHOD after_cvode
    flow(gmax*m, scale())
}

PROCEDURE gate() { m = m + risem*(activation(v) - m) }

FUNCTION activation(u (mV)) { activation = 1/(1 + exp(-(u + 40(mV))/7(mV))) }

FUNCTION scale() (mV) { scale = 25(mV)*(celsius + 273.15(degC))/293.15(degC)/2 }

: current at the potential u with the gate at steady state and the calcium concentration ca
FUNCTION steady(u (mV), ca (mM)) (mA/cm2) { steady = gmax*activation(u)*ghk(u, ca, scale()) }
