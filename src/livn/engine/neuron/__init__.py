"""The engine on NEURON: an independent implementation of the equations, in NMODL, and the way to clusters."""
