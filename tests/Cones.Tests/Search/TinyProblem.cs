using System.Globalization;
using Cones.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Search;

/// <summary>A linear regression on random inputs: small, smooth, and with all that a real problem has.</summary>
sealed class TinyProblem : ISearchProblem, IDisposable
{
    readonly Tensor _target;
    readonly Tensor _frozen;
    readonly long _seed;

    public TinyProblem(long seed = 1)
    {
        _seed = seed;
        using var scope = NewDisposeScope();
        _target = Random("target", 0, 0, 3, 2).DetachFromDisposeScope();
        _frozen = Random("frozen", 0, 0, 16, 3).DetachFromDisposeScope();
        Weight = Random("weight", 0, 0, 3, 2).requires_grad_().DetachFromDisposeScope();
        Bias = zeros(2).requires_grad_().DetachFromDisposeScope();
    }

    public Tensor Weight { get; }

    public Tensor Bias { get; }

    /// <summary>Called with step and micro-batch before a loss; may throw.</summary>
    public Action<int, int>? BeforeLoss { get; set; }

    /// <summary>Changes the loss of a step, e.g. to NaN.</summary>
    public Func<int, Tensor, Tensor>? Spoil { get; set; }

    /// <summary>The evaluation loss in place of the real one.</summary>
    public Func<double, double>? Evaluated { get; set; }

    /// <summary>The score of an evaluation loss; null for none.</summary>
    public Func<double, double>? Scored { get; set; }

    /// <summary>The largest absolute value that <see cref="Project"/> leaves.</summary>
    public double Bound { get; set; } = 100;

    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => [new("weight", Weight), new("bias", Bias)];

    public int BatchSize { get; set; } = 8;

    public string Fingerprint { get; set; } = "tiny";

    public Tensor Loss(int step, int micro)
    {
        BeforeLoss?.Invoke(step, micro);
        using var scope = NewDisposeScope();
        var loss = LossOn(Random("batch", step, micro, BatchSize, 3));
        return (Spoil?.Invoke(step, loss) ?? loss).MoveToOuterDisposeScope();
    }

    public double EvaluationLoss()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var loss = LossOn(_frozen).item<float>();
        return Evaluated?.Invoke(loss) ?? loss;
    }

    public SearchEvaluation Evaluate()
    {
        var loss = EvaluationLoss();
        return new SearchEvaluation(loss, Scored?.Invoke(loss));
    }

    public void Project()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Weight.clamp_(-Bound, Bound);
    }

    public void Preview(string folder, int step) =>
        File.WriteAllText(Path.Combine(folder, $"{step}.txt"), Weight[0, 0].item<float>().ToString("r", CultureInfo.InvariantCulture));

    /// <summary>All parameters as bytes.</summary>
    public byte[] Bytes() => [.. Weight.bytes, .. Bias.bytes];

    public void Dispose()
    {
        foreach (var tensor in (Tensor[])[_target, _frozen, Weight, Bias]) tensor.Dispose();
    }

    Tensor LossOn(Tensor x) => (x.matmul(Weight) + Bias - x.matmul(_target) - 0.5).square().mean();

    Tensor Random(string stream, int step, int micro, params long[] shape)
    {
        using var generator = new Generator(SeedSequence.Derive(_seed, stream, step, micro), CPU);
        return randn(shape, generator: generator);
    }
}
