using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Search.Optimizers;

/// <summary>Adam and AdamW, as torch.optim.Adam and torch.optim.AdamW compute them.</summary>
public sealed class Adam : Optimizer
{
    readonly Tensor[] _first;
    readonly Tensor[] _second;
    readonly Tensor[] _largestSecond;

    /// <summary>An optimiser without history.</summary>
    public Adam(OptimizerOptions options, IReadOnlyList<KeyValuePair<string, Tensor>> parameters)
        : base(options, parameters)
    {
        if (options.Name == OptimizerKind.Sgd) throw new ArgumentException("the options ask for SGD", nameof(options));
        _first = ZerosLikeParameters();
        _second = ZerosLikeParameters();
        _largestSecond = options.AmsGrad ? ZerosLikeParameters() : [];
        State = [.. Named("exp_avg", _first), .. Named("exp_avg_sq", _second), .. Named("max_exp_avg_sq", _largestSecond)];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<KeyValuePair<string, Tensor>> State { get; }

    /// <inheritdoc/>
    protected override void Update(int index, Tensor parameter, Tensor gradient, double rate, long step)
    {
        if (Options.Name == OptimizerKind.AdamW)
            parameter.mul_(1 - (rate * DecayOf(index)));
        else if (DecayOf(index) != 0)
            gradient = gradient.add(parameter, DecayOf(index));

        _first[index].lerp_(gradient, full([], 1 - Options.Beta1, dtype: parameter.dtype, device: parameter.device));
        _second[index].mul_(Options.Beta2).addcmul_(gradient, gradient, 1 - Options.Beta2);
        var correction1 = 1 - Math.Pow(Options.Beta1, step);
        var correction2 = 1 - Math.Pow(Options.Beta2, step);
        var second = _second[index];
        if (Options.AmsGrad)
        {
            second = _largestSecond[index];
            second.copy_(maximum(second, _second[index]));
        }

        var denominator = (second.sqrt() / Math.Sqrt(correction2)).add_(Options.Epsilon);
        parameter.addcdiv_(_first[index], denominator, -(rate / correction1));
    }
}
