TITLE Free calcium in a compartment

COMMENT
Inflow beyond that at rest, buffered (f), and extrusion (k); implicit step.
Booth, Rinzel & Kiehn, J Neurophysiol 78:3371-3385, 1997.
ENDCOMMENT

NEURON {
    SUFFIX livn_ca_pool
    USEION ca READ ica WRITE cai
    RANGE f, alpha, k, ica_rest
    THREADSAFE
}

UNITS {
    (mA) = (milliamp)
    (mM) = (milli/liter)
}

PARAMETER {
    f
    alpha (mM cm2/mA/ms)
    k (/ms)
    ica_rest (mA/cm2)
    inside = 1e-5 (mM)
}

ASSIGNED {
    ica (mA/cm2)
    dt (ms)
}

STATE { cai (mM) }

INITIAL { cai = inside }

BREAKPOINT { SOLVE pump METHOD after_cvode }

PROCEDURE pump() {
    LOCAL inflow
    inflow = -alpha*(ica - ica_rest)
    if (inflow < 0) { inflow = 0 }
    cai = (cai + dt*f*(inflow + k*inside))/(1 + dt*f*k)
}
