using System.Text.Json.Nodes;
using Cones.Models.Native;
using TorchSharp;

namespace Cones.Bench.Infrastructure;

/// <summary>The machine's figures, measured in this process.</summary>
static class MachineReport
{
    static double s_gemm;
    static double s_convolution;

    /// <summary>GFLOP/s of the reference matrix product; the best measured so far.</summary>
    public static double Gemm => s_gemm;

    /// <summary>GFLOP/s of the reference convolution; the best measured so far.</summary>
    public static double Convolution => s_convolution;

    /// <summary>Measures the rates now; called before and after what is timed, so that both see the same machine.</summary>
    public static void Measure()
    {
        s_gemm = Math.Max(s_gemm, Machine.MeasureGemm());
        s_convolution = Math.Max(s_convolution, Machine.MeasureConvolution());
    }

    /// <summary>The figures as they stand in a result.</summary>
    public static JsonObject ToJson()
    {
        if (s_gemm == 0) Measure();
        return new JsonObject
        {
            ["cores"] = Environment.ProcessorCount,
            ["threads"] = torch.get_num_threads(),
            ["vector"] = Machine.VectorLevel,
            ["gemm_gflops"] = Math.Round(s_gemm, 1),
            ["convolution_gflops"] = Math.Round(s_convolution, 1),
        };
    }
}
