using System.Runtime.InteropServices;
using Cones.Models.Native;
using TorchSharp;

namespace Cones.Cli.Compare.Jobs;

/// <summary>What is known of the machine that a job runs on.</summary>
static class JobMachines
{
    /// <summary>This machine.</summary>
    public static JobMachine Here() => new(
        Processor(), Environment.ProcessorCount, torch.get_num_threads(), Machine.VectorLevel, Machine.MemoryBytes,
        Machine.OperatingSystemName, RuntimeInformation.FrameworkDescription, $"{JobKeys.Tool}, LibTorch {torch.__version__}");

    // .NET does not tell; Linux does.
    static string Processor()
    {
        const string file = "/proc/cpuinfo";
        var line = File.Exists(file) ? File.ReadLines(file).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line?.Split(':', 2)[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
