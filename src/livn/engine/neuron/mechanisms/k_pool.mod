TITLE Potassium in and around a compartment

COMMENT
Fluxes fill a shell of 0.2 um, pumps restore rest; implicit step. The factor 2 F is that of the source model, for this
monovalent ion too.
ENDCOMMENT

NEURON {
    SUFFIX livn_k_pool
    USEION k READ ik WRITE ki, ko
    THREADSAFE
}

UNITS {
    (mA) = (milliamp)
    (um) = (micron)
    (mM) = (milli/liter)
    F = (faraday) (coulombs)
}

PARAMETER {
    depth = 0.2 (um)
    beta = 0.075 (/ms)
    inside = 145 (mM)
    outside = 5 (mM)
}

ASSIGNED {
    ik (mA/cm2)
    dt (ms)
}

STATE {
    ki (mM)
    ko (mM)
}

INITIAL {
    ki = inside
    ko = outside
}

BREAKPOINT { SOLVE pump METHOD after_cvode }

PROCEDURE pump() {
    LOCAL flux
    flux = (1e4)*ik/(2*F*depth)
    ki = (ki + dt*(-flux + beta*inside))/(1 + beta*dt)
    ko = (ko + dt*(flux + beta*outside))/(1 + beta*dt)
}
