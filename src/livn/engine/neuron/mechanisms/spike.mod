TITLE Spikes of a soma: upward crossings of a threshold between two steps, outside the refractory period

COMMENT
A cell that is told to (told != 0) crosses it whatever its potential.
fired is 1 from the end of the step of a spike to the end of the next: the source that NetCons watch.
ENDCOMMENT

NEURON {
    SUFFIX livn_spike
    RANGE theta, fired, told, last, count
    GLOBAL refractory
    THREADSAFE
}

UNITS { (mV) = (millivolt) }

PARAMETER {
    theta (mV)
    refractory = 0 : in steps
}

ASSIGNED {
    v (mV)
    before (mV)
    fired
    told
    last : step of the last spike
    count : steps done
}

INITIAL {
    before = v
    fired = 0
    told = 0
    last = -4611686018427387904
    count = 0
}

BREAKPOINT { SOLVE look METHOD after_cvode }

PROCEDURE look() {
    count = count + 1
    fired = 0
    if ((told != 0 || (before <= theta && v > theta)) && count - last >= refractory) {
        fired = 1
        last = count
    }
    before = v
}
