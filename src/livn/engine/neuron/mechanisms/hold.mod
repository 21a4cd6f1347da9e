TITLE Constant current that balances a soma at its resting potential

NEURON {
    SUFFIX livn_hold
    NONSPECIFIC_CURRENT i
    RANGE ic
    THREADSAFE
}

UNITS { (mA) = (milliamp) }

PARAMETER { ic (mA/cm2) }

ASSIGNED { i (mA/cm2) }

BREAKPOINT { i = ic }
