"""The same results sooner. Each file stands for plain code of the method that it must agree with:

compiled_views          the views of ``augment``, on a processor
kcenter                 the greedy loop of ``sampling.paper``, for many candidates
loader, threads         batches that are read ahead
steps, layout, distributed      a step of training, on one or several GPUs
fused                   one kernel for the steps on a GPU, where its compiler is at hand
jit                     what numba compiles is kept
imports                 what an interrupt does not leave half imported
"""
