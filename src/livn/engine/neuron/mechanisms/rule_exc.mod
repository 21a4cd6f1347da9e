TITLE Learning signal of excitatory synapses: gates open above their thresholds

NEURON { POINT_PROCESS LivnRuleEXC }

PARAMETER { tau_signal = 4 (ms) }

FUNCTION open(u (mV), theta (mV)) { open = u > theta }

INCLUDE "rule.inc"
