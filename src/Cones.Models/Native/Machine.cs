using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Native;

/// <summary>What the machine has, and how fast LibTorch multiplies on it.</summary>
public static class Machine
{
    /// <summary>The widest vector instructions of the processor: <c>AVX-512</c>, <c>AVX2</c>, <c>NEON</c> or <c>none</c>.</summary>
    public static string VectorLevel =>
        Avx512F.IsSupported ? "AVX-512"
        : Avx2.IsSupported ? "AVX2"
        : System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported ? "NEON"
        : "none";

    /// <summary>Bytes of memory that this process may use.</summary>
    public static long MemoryBytes => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>Bytes of memory that nobody uses at present, or can be taken from caches; <see cref="MemoryBytes"/> where the system does not tell.</summary>
    public static long AvailableMemoryBytes => Math.Min(MemoryBytes, Kilobytes("/proc/meminfo", "MemAvailable:") * 1024 ?? MemoryBytes);

    /// <summary>The most bytes that this process has held since <see cref="ResetPeakMemory"/>, or its start; null where the system does not tell.</summary>
    public static long? PeakMemoryBytes() => Kilobytes("/proc/self/status", "VmHWM:") * 1024 ?? (OperatingSystem.IsWindows() ? Process.GetCurrentProcess().PeakWorkingSet64 : null);

    /// <summary>Starts counting <see cref="PeakMemoryBytes"/> anew, where the system can (Linux).</summary>
    public static void ResetPeakMemory()
    {
        if (!OperatingSystem.IsLinux()) return;
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Some containers forbid it: then the count goes on from the start of the process.
        }
    }

    /// <summary>The operating system, e.g. <c>Debian GNU/Linux 12 (bookworm)</c>.</summary>
    public static string OperatingSystemName => RuntimeInformation.OSDescription;

    /// <summary>GFLOP/s of a float32 matrix product of 2048 x 2048 by 2048 x 2048: the best of some repetitions.</summary>
    public static double MeasureGemm()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        const long n = 2048;
        var a = rand(n, n);
        var b = rand(n, n);
        return Rate(2.0 * n * n * n, () => a.matmul(b).Dispose());
    }

    /// <summary>GFLOP/s of a float32 convolution of 3 x 3, 320 to 320 channels, 64 x 64 pixels: the best of some repetitions.</summary>
    public static double MeasureConvolution()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        const long channels = 320, side = 64;
        var x = rand(1, channels, side, side);
        var w = rand(channels, channels, 3, 3);
        return Rate(2.0 * channels * channels * 9 * side * side, () => nn.functional.conv2d(x, w, padding: [1, 1]).Dispose());
    }

    static long? Kilobytes(string file, string name)
    {
        if (!File.Exists(file)) return null;
        var line = File.ReadLines(file).FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal));
        return line is null ? null : long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }

    static double Rate(double flop, Action work)
    {
        work();
        work();
        var best = double.PositiveInfinity;
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < 5 || (clock.Elapsed.TotalSeconds < 1 && i < 50); i++)
        {
            var start = Stopwatch.GetTimestamp();
            work();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return flop / best / 1e9;
    }
}
