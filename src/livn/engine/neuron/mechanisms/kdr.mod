TITLE Delayed rectifier potassium current

COMMENT
i = gmax n^4 (v - ek). Booth, Rinzel & Kiehn, J Neurophysiol 78:3371-3385, 1997.
ENDCOMMENT

NEURON {
    SUFFIX livn_kdr
    USEION k READ ek WRITE ik
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
    ek (mV)
    ik (mA/cm2)
    g (S/cm2)
}

STATE { n }

INITIAL { n = activation(v) }

BREAKPOINT {
    CONDUCTANCE g USEION k
    SOLVE gate METHOD cnexp
    g = gmax*n*n*n*n
    ik = g*(v - ek)
}

DERIVATIVE gate { n' = (activation(v) - n)/tau(v) }

FUNCTION activation(u (mV)) { activation = 1/(1 + exp(-(u + 28(mV))/15(mV))) }

FUNCTION tau(u (mV)) (ms) { tau = 7(ms)/(exp((u + 40(mV))/40(mV)) + exp(-(u + 40(mV))/50(mV))) }

: current at the potential u with the gate at steady state and the reversal potential e
FUNCTION steady(u (mV), e (mV)) (mA/cm2) { steady = gmax*activation(u)^4*(u - e) }
