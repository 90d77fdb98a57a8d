namespace Cones.Models.Native;

/// <summary>
/// Keeps the memory of a loop flat. With <see cref="NativeMemory.KeepFreedMemory"/> the blocks that a step frees serve the
/// next one, but not always in the same places: the gaps between them grow from step to step. Once a step ends with clearly
/// more memory than the first one did, all that is free goes back to the system, and the next step starts as the first.
/// </summary>
/// <param name="resident">The process's resident memory in bytes; 0 or less where it is not known.</param>
/// <param name="release">Gives freed blocks back to the system.</param>
public sealed class FreedMemoryBound(Func<long> resident, Action release)
{
    // Giving back and touching anew costs a few percent of a step: not for less than this.
    const double Share = 0.02;
    const long LeastBytes = 128L << 20;

    long _reference;

    /// <summary>The bound of this process; without effect where freed blocks are not kept.</summary>
    public static FreedMemoryBound OfProcess() => new(() => NativeMemory.KeepsFreedMemory ? ResidentMemory.Bytes() : 0, NativeMemory.Release);

    /// <summary>To be called after each step, when its tensors are freed.</summary>
    /// <returns>Whether freed memory was given back.</returns>
    public bool StepEnded()
    {
        var now = resident();
        if (now <= 0) return false;
        if (_reference == 0)
        {
            _reference = now;
            return false;
        }

        if (now - _reference <= Math.Max(LeastBytes, (long)(Share * _reference))) return false;
        release();
        _reference = 0; // what the next step comes to is what a step needs now
        return true;
    }
}
