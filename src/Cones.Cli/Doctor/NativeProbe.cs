using System.Runtime.CompilerServices;
using Cones.Models.Native;
using TorchSharp;

namespace Cones.Cli.Doctor;

/// <summary>Tries LibTorch. The only place of the command that touches TorchSharp, so that it survives without.</summary>
static class NativeProbe
{
    /// <summary>Loads LibTorch and, where asked to, measures its speed; failures are part of the result.</summary>
    public static NativeFacts Run(bool measure)
    {
        // Where its library is not found TorchSharp prints every step of its search; standard output is for results.
        var standardOutput = Console.Out;
        Console.SetOut(TextWriter.Null);
        try
        {
            return Touch(measure);
        }
        catch (Exception e)
        {
            return new NativeFacts { Failure = LibTorch.Failure ?? FirstLine(e), PatchedCopy = LibTorch.PatchedCopy };
        }
        finally
        {
            Console.SetOut(standardOutput);
        }
    }

    // Not inlined: the types of TorchSharp must not be resolved before the try block is entered.
    [MethodImpl(MethodImplOptions.NoInlining)]
    static NativeFacts Touch(bool measure)
    {
        using (var one = torch.ones(2, 2))
        using (var product = one.matmul(one))
        using (var sum = product.sum())
            if (sum.item<float>() is not 8f) return new NativeFacts { Failure = "a matrix product gave a wrong result" };
        return new NativeFacts
        {
            Loaded = true,
            TorchSharp = typeof(torch).Assembly.GetName().Version?.ToString(3),
            LibTorch = torch.__version__,
            Threads = torch.get_num_threads(),
            PatchedCopy = LibTorch.PatchedCopy,
            GemmGflops = measure ? Math.Round(Machine.MeasureGemm(), 1) : null,
            ConvolutionGflops = measure ? Math.Round(Machine.MeasureConvolution(), 1) : null,
        };
    }

    // TorchSharp's messages list every step of its search for the library; the cause is the innermost one.
    static string FirstLine(Exception e)
    {
        while (e.InnerException is { } inner) e = inner;
        return e.Message.Split('\n')[0].Trim();
    }
}
