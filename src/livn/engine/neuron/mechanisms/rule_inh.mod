TITLE Learning signal of inhibitory synapses: gates open below their thresholds

NEURON { POINT_PROCESS LivnRuleINH }

PARAMETER { tau_signal = 1 (ms) }

FUNCTION open(u (mV), theta (mV)) { open = u < theta }

INCLUDE "rule.inc"
