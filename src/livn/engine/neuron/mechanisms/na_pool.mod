TITLE Sodium in and around a compartment

COMMENT
Fluxes fill a shell of 0.2 um, pumps restore rest; implicit step. The factor 2 F is that of the source model, for this
monovalent ion too.
ENDCOMMENT

NEURON {
    SUFFIX livn_na_pool
    USEION na READ ina WRITE nai, nao
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
    inside = 15 (mM)
    outside = 145 (mM)
}

ASSIGNED {
    ina (mA/cm2)
    dt (ms)
}

STATE {
    nai (mM)
    nao (mM)
}

INITIAL {
    nai = inside
    nao = outside
}

BREAKPOINT { SOLVE pump METHOD after_cvode }

PROCEDURE pump() {
    LOCAL flux
    flux = (1e4)*ina/(2*F*depth)
    nai = (nai + dt*(-flux + beta*inside))/(1 + beta*dt)
    nao = (nao + dt*(flux + beta*outside))/(1 + beta*dt)
}
