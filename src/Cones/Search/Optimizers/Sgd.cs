using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Search.Optimizers;

/// <summary>Stochastic gradient descent, as torch.optim.SGD computes it.</summary>
public sealed class Sgd : Optimizer
{
    readonly Tensor[] _momentum;

    /// <summary>An optimiser without history.</summary>
    public Sgd(OptimizerOptions options, IReadOnlyList<KeyValuePair<string, Tensor>> parameters)
        : base(options, parameters)
    {
        if (options.Name != OptimizerKind.Sgd) throw new ArgumentException($"the options ask for {options.Name}", nameof(options));
        _momentum = options.Momentum != 0 ? ZerosLikeParameters() : [];
        State = [.. Named("momentum_buffer", _momentum)];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<KeyValuePair<string, Tensor>> State { get; }

    /// <inheritdoc/>
    protected override void Update(int index, Tensor parameter, Tensor gradient, double rate, long step)
    {
        if (DecayOf(index) != 0) gradient = gradient.add(parameter, DecayOf(index));
        if (Options.Momentum != 0)
        {
            var buffer = _momentum[index];
            if (step == 1) // the first gradient is taken whole, without dampening
                buffer.copy_(gradient);
            else
                buffer.mul_(Options.Momentum).add_(gradient, 1 - Options.Dampening);
            gradient = Options.Nesterov ? gradient.add(buffer, Options.Momentum) : buffer;
        }

        parameter.add_(gradient, -rate);
    }
}
