using System.Runtime.InteropServices;

namespace Cones.Models.Native;

/// <summary>
/// Tells the C library how to serve the large, short-lived blocks that tensors are. By default every block above some
/// megabytes is mapped anew and cleared page by page by the kernel, which costs about a sixth of a training step on the CPU.
/// </summary>
/// <remarks>
/// Linux with glibc only; elsewhere nothing happens. The environment overrules both settings: <c>THP_MEM_ALLOC_ENABLE</c>
/// (LibTorch's own switch) and <c>MALLOC_MMAP_THRESHOLD_</c>, <c>MALLOC_TRIM_THRESHOLD_</c> (glibc's).
/// </remarks>
public static partial class NativeMemory
{
    const string HugePagesVariable = "THP_MEM_ALLOC_ENABLE";

    // The parameters of mallopt(3), from malloc.h.
    const int TrimThreshold = -1;
    const int MmapThreshold = -3;

    // Blocks above this are mapped and given back one by one: single weights of the largest models.
    const int LargestKeptBlock = 1 << 30;

    const int SmallestApartBlock = 1 << 17;

    /// <summary>Whether freed blocks stay with the process, see <see cref="KeepFreedMemory"/>.</summary>
    public static bool KeepsFreedMemory { get; private set; }

    /// <summary>Whether LibTorch asks for huge pages, see <see cref="UseHugePages"/>.</summary>
    public static bool UsesHugePages { get; private set; }

    /// <summary>
    /// Both settings; for programs that train or sample, to be called before the first tensor is made. A library that is a
    /// guest in another program should leave its allocator alone.
    /// </summary>
    public static void Tune()
    {
        UseHugePages();
        KeepFreedMemory();
    }

    /// <summary>
    /// Makes LibTorch ask for huge pages (2 MB) for blocks of that size and more: fewer page faults and fewer TLB misses.
    /// Takes effect only before LibTorch allocates its first tensor.
    /// </summary>
    /// <returns>Whether the setting was made, by this call or by the environment.</returns>
    public static bool UseHugePages()
    {
        if (!OperatingSystem.IsLinux()) return false;
        if (Environment.GetEnvironmentVariable(HugePagesVariable) is { } set) return UsesHugePages = set == "1";
        try
        {
            // .NET's own method does not change the environment that native code sees.
            UsesHugePages = SetEnv(HugePagesVariable, "1", overwrite: 0) == 0;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            UsesHugePages = false;
        }

        return UsesHugePages;
    }

    /// <summary>
    /// Keeps freed blocks in the process instead of giving them back to the kernel at once, so that the next step finds them
    /// cleared, mapped and warm. <see cref="Release"/> gives them back.
    /// </summary>
    /// <returns>Whether the C library took the setting.</returns>
    public static bool KeepFreedMemory()
    {
        if (!OperatingSystem.IsLinux()) return false;
        if (Environment.GetEnvironmentVariable("MALLOC_MMAP_THRESHOLD_") is not null || Environment.GetEnvironmentVariable("MALLOC_TRIM_THRESHOLD_") is not null)
            return KeepsFreedMemory;
        try
        {
            KeepsFreedMemory = MallOpt(MmapThreshold, LargestKeptBlock) == 1 && MallOpt(TrimThreshold, int.MaxValue) == 1;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            KeepsFreedMemory = false; // another C library than glibc
        }

        return KeepsFreedMemory;
    }

    /// <summary>
    /// Allocates what will live long apart from the pool of freed blocks: in the middle of it, it would keep the space around
    /// it from being used as one.
    /// </summary>
    /// <param name="allocate">Makes one large block; called once.</param>
    public static T AllocateApart<T>(Func<T> allocate)
    {
        if (!KeepsFreedMemory) return allocate();
        _ = MallOpt(MmapThreshold, SmallestApartBlock);
        try
        {
            return allocate();
        }
        finally
        {
            _ = MallOpt(MmapThreshold, LargestKeptBlock);
        }
    }

    /// <summary>Gives freed memory back to the system: after a model was loaded or disposed.</summary>
    public static void Release()
    {
        if (!OperatingSystem.IsLinux()) return;
        try
        {
            _ = MallocTrim(0);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // Another C library than glibc: it has its own policy.
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int MallOpt(int parameter, int value);

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nuint pad);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnv(string name, string value, int overwrite);
}
