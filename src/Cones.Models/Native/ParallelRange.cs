using System.Runtime.InteropServices;
using TorchSharp;

namespace Cones.Models.Native;

/// <summary>
/// Splits a loop over the threads that LibTorch computes with. They are LibTorch's own (OpenMP) threads where that can be
/// done: a second pool would compete with them for the same cores, since they keep spinning between two operations.
/// </summary>
static unsafe class ParallelRange
{
    // More parts than threads: a thread that loses its core for a while delays one part, not half of the work.
    const int PartsPerThread = 4;

    static readonly delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void> s_parallel = FindOpenMP();

    /// <summary>Whether LibTorch's threads are used.</summary>
    public static bool UsesOpenMP => s_parallel != null;

    /// <summary>Calls <paramref name="body"/> with consecutive parts [from, to) of [0, count).</summary>
    /// <param name="count">The length of the range.</param>
    /// <param name="grain">A part is about this long at least.</param>
    /// <param name="body">Must not make tensors: scopes and gradient mode belong to the calling thread.</param>
    public static void Run(long count, long grain, Action<long, long> body)
    {
        var parts = Math.Clamp(count / Math.Max(grain, 1), 1, torch.get_num_threads() * PartsPerThread);
        RunParts(count, (int)parts, body);
    }

    /// <summary>Calls <paramref name="body"/> with every number of [0, count): for tasks that are long each.</summary>
    /// <param name="count">The number of tasks.</param>
    /// <param name="body">As in <see cref="Run"/>.</param>
    public static void Each(long count, Action<long> body) =>
        RunParts(count, checked((int)count), (from, to) =>
        {
            for (var i = from; i < to; i++) body(i);
        });

    static void RunParts(long count, int parts, Action<long, long> body)
    {
        if (count <= 0) return;
        var threads = torch.get_num_threads();
        if (parts == 1 || threads == 1)
        {
            body(0, count);
            return;
        }

        var job = new Job(count, parts, body);
        if (s_parallel == null)
        {
            Parallel.For(0, parts, new ParallelOptions { MaxDegreeOfParallelism = threads }, job.RunPart);
        }
        else
        {
            var handle = GCHandle.Alloc(job);
            try
            {
                s_parallel(&Worker, (void*)GCHandle.ToIntPtr(handle), (uint)Math.Min(threads, parts), 0);
            }
            finally
            {
                handle.Free();
            }
        }

        job.Check();
    }

    // LibTorch's OpenMP library is loaded already, under this name.
    static delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void> FindOpenMP() =>
        OperatingSystem.IsLinux() && NativeLibrary.TryLoad("libgomp-98b21ff3.so.1", out var library) && NativeLibrary.TryGetExport(library, "GOMP_parallel", out var function)
            ? (delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void>)function
            : null;

    [UnmanagedCallersOnly]
    static void Worker(void* data) => ((Job)GCHandle.FromIntPtr((IntPtr)data).Target!).RunWhatIsLeft();

    sealed class Job(long count, int parts, Action<long, long> body)
    {
        Exception? _error;
        int _next;

        public void RunWhatIsLeft()
        {
            for (var part = Interlocked.Increment(ref _next) - 1; part < parts; part = Interlocked.Increment(ref _next) - 1)
                RunPart(part);
        }

        public void RunPart(int part)
        {
            try
            {
                body(count * part / parts, count * (part + 1) / parts);
            }
            catch (Exception e)
            {
                // An exception must not cross native frames.
                Interlocked.CompareExchange(ref _error, e, null);
            }
        }

        public void Check()
        {
            if (_error is not null) throw new InvalidOperationException($"a kernel failed: {_error.Message}", _error);
        }
    }
}
