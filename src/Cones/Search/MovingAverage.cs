using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Search;

/// <summary>An exponential moving average of the parameters.</summary>
sealed class MovingAverage(ParameterSet parameters, double maxDecay) : IDisposable
{
    public Tensor[] Values { get; } = parameters.Clone();

    /// <summary>Takes in the present parameters.</summary>
    /// <param name="updates">The updates of the parameters so far, from 1.</param>
    public void Update(long updates)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var decay = Math.Min(maxDecay, (1.0 + updates) / (10.0 + updates));
        for (var i = 0; i < Values.Length; i++) Values[i].add_(parameters.Named[i].Value - Values[i], 1 - decay);
    }

    /// <summary>Puts the average into the parameters until the result is disposed.</summary>
    public IDisposable Show() => new Exchange(parameters, Values);

    public void Dispose()
    {
        foreach (var value in Values) value.Dispose();
    }

    sealed class Exchange : IDisposable
    {
        readonly ParameterSet _parameters;
        readonly Tensor[] _own;

        public Exchange(ParameterSet parameters, Tensor[] shown)
        {
            _parameters = parameters;
            _own = parameters.Clone();
            parameters.CopyFrom(shown);
        }

        public void Dispose()
        {
            _parameters.CopyFrom(_own);
            foreach (var tensor in _own) tensor.Dispose();
        }
    }
}
