using Xunit.Sdk;
using Xunit.v3;

// Tensors and dispose scopes are bound to a thread and LibTorch has one thread pool: tests run one after the other.
[assembly: Parallelization(Mode = ParallelMode.None)]
