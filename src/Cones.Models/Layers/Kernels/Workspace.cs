using System.Runtime.InteropServices;

namespace Cones.Models.Layers.Kernels;

/// <summary>Scratch memory of the calling thread, kept from call to call; one user at a time.</summary>
unsafe ref struct Workspace : IDisposable
{
    // Blocks begin at cache lines.
    const long Line = 16;

    [ThreadStatic]
    static float* t_memory;

    [ThreadStatic]
    static long t_size;

    [ThreadStatic]
    static bool t_taken;

    long _used;
    readonly long _size;

    /// <summary>Room for <paramref name="size"/> floats in up to 16 blocks.</summary>
    public Workspace(long size)
    {
        if (t_taken) throw new InvalidOperationException("the workspace is in use");
        _size = size + (16 * Line);
        if (t_size < _size)
        {
            NativeMemory.AlignedFree(t_memory);
            t_memory = (float*)NativeMemory.AlignedAlloc((nuint)(_size * sizeof(float)), (nuint)(Line * sizeof(float)));
            t_size = _size;
        }

        t_taken = true;
    }

    /// <summary>The next block; its content is arbitrary.</summary>
    public float* Take(long count)
    {
        var block = t_memory + _used;
        _used += (count + Line - 1) / Line * Line;
        if (_used > _size) throw new InvalidOperationException($"{_used} floats taken from a workspace of {_size}");
        return block;
    }

    /// <inheritdoc/>
    public readonly void Dispose() => t_taken = false;
}
