using Cones.Models;
using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Imaging;

/// <summary>Image files and their pixels; files that must be refused.</summary>
sealed class DecodeRunner : IGoldenRunner
{
    // What refusing a file may allocate, beside its own bytes.
    const long RefusalMemory = 1 << 20;

    public IReadOnlyCollection<string> Kinds => ["image-decode"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        var outputs = golden.Tensors.Keys.Where(k => k.StartsWith("out.", StringComparison.Ordinal)).ToHashSet();
        foreach (var entry in golden.Json.GetProperty("files").EnumerateArray())
        {
            var file = entry.GetProperty("file").GetString()!;
            var name = $"out.{file}";
            outputs.Remove(name);
            var tolerance = entry.GetProperty("tolerance");
            var actual = RgbImage.Load(golden.PathOf(file)).ToTensor();
            var expected = golden.Tensors[name];
            result.Check(name, actual, expected, 0, tolerance.GetProperty("max").GetDouble());
            if (!actual.shape.AsSpan().SequenceEqual(expected.shape)) continue;
            var mean = (actual.to(ScalarType.Float64) - expected.to(ScalarType.Float64)).abs().mean().item<double>();
            result.Expect(mean <= tolerance.GetProperty("mean").GetDouble(), $"{name}: mean difference {mean:g3}");
        }

        foreach (var name in outputs) result.Fail($"{name}: no file of this name is listed");
        if (golden.Json.TryGetProperty("broken", out var broken))
            foreach (var entry in broken.EnumerateArray())
                if (entry.GetProperty("pillow").GetString() != "opens")
                    ExpectRefusal(golden, entry.GetProperty("file").GetString()!, result);
    }

    static void ExpectRefusal(GoldenCase golden, string file, GoldenResult result)
    {
        var path = golden.PathOf(file);
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            RgbImage.Load(path);
            result.Fail($"{file}: loaded, a refusal was expected");
        }
        catch (ConesException e)
        {
            result.Expect(e.Message.Contains(path, StringComparison.Ordinal), $"{file}: the message does not name the file: {e.Message}");
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before - new FileInfo(path).Length;
        result.Expect(allocated < RefusalMemory, $"{file}: {allocated} bytes were allocated to refuse it");
    }
}
