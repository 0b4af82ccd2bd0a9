"""The same results sooner: compiled views, k-center for many candidates, loading, threads, GPUs."""
