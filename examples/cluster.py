"""A plastic culture on all ranks of an MPI job: `mpiexec -n 2 python examples/cluster.py`, or plain `python` alone."""

from mpi4py import MPI

from livn import make

comm = MPI.COMM_WORLD
with make("EI2", engine="neuron", comm=comm) as env:  # every rank builds its own cells and their inputs
    env.record_spikes().enable_plasticity()
    for _ in range(5):
        run = env.run(100)  # ms; this rank's spikes
        env.normalize_weights()
    spikes, weights = run.gather(comm), env.get_weights().gather(comm)  # of the whole culture, on rank 0
    print(f"rank {comm.rank}: {len(env.simulated_gids())} cells")
    if comm.rank == 0:
        print(f"last 100 ms: {len(spikes.spike_times)} spikes; {weights}")
