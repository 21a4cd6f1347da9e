TITLE Calcium-activated potassium current

COMMENT
i = gmax [Ca]/([Ca] + 0.5 uM) (v - ek), instantaneous.
Booth, Rinzel & Kiehn, J Neurophysiol 78:3371-3385, 1997.
ENDCOMMENT

NEURON {
    SUFFIX livn_kca
    USEION k READ ek WRITE ik
    USEION ca READ cai
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
    half = 0.0005 (mM)
}

ASSIGNED {
    v (mV)
    ek (mV)
    cai (mM)
    ik (mA/cm2)
    g (S/cm2)
}

BREAKPOINT {
    CONDUCTANCE g USEION k
    g = gmax*cai/(cai + half)
    ik = g*(v - ek)
}

: current at the potential u, the calcium concentration ca and the reversal potential e
FUNCTION steady(u (mV), ca (mM), e (mV)) (mA/cm2) { steady = gmax*ca/(ca + half)*(u - e) }
