using System.Globalization;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens;

/// <summary>Collects what one case found: checks made, differences, and a reason for skipping.</summary>
public sealed class GoldenResult(GoldenCase golden)
{
    readonly HashSet<string> _checked = [];
    readonly List<string> _failures = [];

    /// <summary>A line a failure: tensor, largest absolute and relative error, where.</summary>
    public IReadOnlyList<string> Failures => _failures;

    /// <summary>Why the case was not run, or null.</summary>
    public string? Skipped { get; private set; }

    /// <summary>The number of comparisons made.</summary>
    public int Checks { get; private set; }

    /// <summary>Says that the case cannot be run here.</summary>
    public void Skip(string reason) => Skipped = reason;

    /// <summary>Notes a failure in words.</summary>
    public void Fail(string what) => _failures.Add(what);

    /// <summary>Checks a condition.</summary>
    public void Expect(bool condition, string what)
    {
        Checks++;
        if (!condition) _failures.Add(what);
    }

    /// <summary>Checks that two values are equal.</summary>
    public void ExpectEqual<T>(T expected, T actual, string what) =>
        Expect(EqualityComparer<T>.Default.Equals(expected, actual), $"{what}: expected {expected}, got {actual}");

    /// <summary>Checks that two sequences are equal.</summary>
    public void ExpectSequence<T>(IEnumerable<T> expected, IEnumerable<T> actual, string what)
    {
        var e = expected.ToArray();
        var a = actual.ToArray();
        Expect(e.SequenceEqual(a), $"{what}: expected [{string.Join(",", e)}], got [{string.Join(",", a)}]");
    }

    /// <summary>
    /// Compares with the tensor <paramref name="name"/> of <c>io.safetensors</c> at the tolerance that <c>case.json</c>
    /// states for it: <c>|x - ref| &lt;= atol + rtol · |ref|</c>.
    /// </summary>
    public void Check(string name, Tensor actual)
    {
        if (!golden.Tensors.TryGetValue(name, out var expected))
        {
            Fail($"{name}: not in io.safetensors");
            return;
        }

        var (rtol, atol) = ToleranceOf(name);
        Check(name, actual, expected, rtol, atol);
    }

    /// <summary>Compares two tensors; NaN equals NaN, infinities must agree.</summary>
    public void Check(string name, Tensor actual, Tensor expected, double rtol, double atol)
    {
        Checks++;
        _checked.Add(name);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (!actual.shape.AsSpan().SequenceEqual(expected.shape))
        {
            Fail($"{name}: shape [{string.Join(",", actual.shape)}], expected [{string.Join(",", expected.shape)}]");
            return;
        }

        if (expected.numel() == 0) return;
        var e = expected.detach().to(ScalarType.Float64).reshape(-1);
        var a = actual.detach().cpu().to(ScalarType.Float64).reshape(-1);
        var same = a.eq(e).logical_or(a.isnan().logical_and(e.isnan()));
        var difference = (a - e).abs().masked_fill(same, 0);
        var excess = difference - (atol + (rtol * e.abs()));
        excess = excess.masked_fill(excess.isnan(), double.PositiveInfinity).masked_fill(same, -1);
        if (excess.max().item<double>() <= 0) return;

        var where = excess.argmax().item<long>();
        var absolute = difference.nan_to_num(double.PositiveInfinity).max().item<double>();
        var relative = (difference / e.abs().clamp_min(1e-12)).nan_to_num(double.PositiveInfinity).max().item<double>();
        Fail(string.Create(
            CultureInfo.InvariantCulture,
            $"{name}: abs {absolute:g3} rel {relative:g3} at [{string.Join(",", Unravel(where, expected.shape))}] (got {a[where].item<double>():g7}, expected {e[where].item<double>():g7}, rtol {rtol:g2} atol {atol:g2})"));
    }

    /// <summary>Fails for every output of <c>case.json</c> that is stored as a tensor and was not compared.</summary>
    public void RequireAllOutputs()
    {
        if (!golden.Json.TryGetProperty("outputs", out var outputs) || outputs.ValueKind != JsonValueKind.Object) return;
        foreach (var output in outputs.EnumerateObject())
            if (golden.Tensors.ContainsKey(output.Name) && !_checked.Contains(output.Name) && !output.Name.StartsWith("mid.", StringComparison.Ordinal))
                Fail($"{output.Name}: never compared");
    }

    (double Rtol, double Atol) ToleranceOf(string name)
    {
        if (golden.Json.TryGetProperty("outputs", out var outputs) && outputs.ValueKind == JsonValueKind.Object
            && outputs.TryGetProperty(name, out var output) && output.ValueKind == JsonValueKind.Object
            && output.TryGetProperty("rtol", out var rtol))
            return (rtol.GetDouble(), output.GetProperty("atol").GetDouble());
        if (golden.Json.TryGetProperty("tolerance", out var tolerance) && tolerance.ValueKind == JsonValueKind.Object
            && tolerance.TryGetProperty("rtol", out rtol))
            return (rtol.GetDouble(), tolerance.GetProperty("atol").GetDouble());
        return (0, 0);
    }

    static long[] Unravel(long index, long[] shape)
    {
        var position = new long[shape.Length];
        for (var d = shape.Length - 1; d >= 0; d--)
        {
            position[d] = index % shape[d];
            index /= shape[d];
        }

        return position;
    }
}
