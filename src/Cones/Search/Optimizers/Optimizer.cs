using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Search.Optimizers;

/// <summary>
/// Updates named parameters from their gradients. Formulas and order of operations are torch.optim's (single-tensor path,
/// PyTorch 2.x); unlike there, the whole state is visible by name, so that a search can be saved and go on exactly.
/// </summary>
public abstract class Optimizer : IDisposable
{
    readonly double[] _factors;
    readonly double[] _decays;
    readonly long[] _steps;

    /// <summary>An optimiser of <paramref name="parameters"/>, which it does not own.</summary>
    /// <exception cref="ArgumentException">Options are out of range, or a rate factor names no parameter.</exception>
    protected Optimizer(OptimizerOptions options, IReadOnlyList<KeyValuePair<string, Tensor>> parameters)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(parameters);
        if (options.Problems().FirstOrDefault() is { } problem) throw new ArgumentException(problem, nameof(options));
        var names = parameters.Select(p => p.Key).ToHashSet(StringComparer.Ordinal);
        if (options.RateFactors.Keys.FirstOrDefault(n => !names.Contains(n)) is { } unknown)
            throw new ArgumentException($"there is a rate factor for '{unknown}', the parameters are {string.Join(", ", names)}", nameof(options));

        Options = options;
        Parameters = parameters;
        _factors = [.. parameters.Select(p => options.RateFactors.GetValueOrDefault(p.Key, 1) * Factor(p.Key, g => g.RateFactor))];
        _decays = [.. parameters.Select(p => options.WeightDecay * Factor(p.Key, g => g.DecayFactor))];
        _steps = new long[parameters.Count];
    }

    /// <summary>The options.</summary>
    public OptimizerOptions Options { get; }

    /// <summary>The parameters.</summary>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; }

    /// <summary>The state's tensors by name, <c>exp_avg.concept</c> for instance; they live as long as the optimiser.</summary>
    public abstract IReadOnlyList<KeyValuePair<string, Tensor>> State { get; }

    /// <summary>The updates that every parameter has had: the rest of the state.</summary>
    public IReadOnlyList<long> Steps => _steps;

    /// <summary>Makes the optimiser that <see cref="OptimizerOptions.Name"/> says.</summary>
    public static Optimizer Create(OptimizerOptions options, IReadOnlyList<KeyValuePair<string, Tensor>> parameters) =>
        options.Name == OptimizerKind.Sgd ? new Sgd(options, parameters) : new Adam(options, parameters);

    /// <summary>Updates the parameters in place.</summary>
    /// <param name="rate">The learning rate of this step, before the parameters' own factors.</param>
    /// <param name="gradients">A gradient for every parameter; one without (null) is left as it is, as in torch.optim.</param>
    /// <exception cref="ArgumentException">Number or shapes do not fit; nothing was changed.</exception>
    public void Step(double rate, IReadOnlyList<Tensor?> gradients)
    {
        ArgumentNullException.ThrowIfNull(gradients);
        if (gradients.Count != Parameters.Count)
            throw new ArgumentException($"{gradients.Count} gradients for {Parameters.Count} parameters", nameof(gradients));
        for (var i = 0; i < gradients.Count; i++)
            if (gradients[i] is { } g && !g.shape.AsSpan().SequenceEqual(Parameters[i].Value.shape))
                throw new ArgumentException($"the gradient of '{Parameters[i].Key}' has shape [{string.Join(",", g.shape)}], the parameter [{string.Join(",", Parameters[i].Value.shape)}]", nameof(gradients));

        using var noGrad = no_grad();
        for (var i = 0; i < gradients.Count; i++)
        {
            if (gradients[i] is not { } gradient) continue;
            using var scope = NewDisposeScope();
            _steps[i]++;
            Update(i, Parameters[i].Value, gradient.detach(), rate * _factors[i], _steps[i]);
        }
    }

    /// <summary>Takes over a saved state.</summary>
    /// <param name="state">A tensor for every name of <see cref="State"/>.</param>
    /// <param name="steps">As <see cref="Steps"/>.</param>
    /// <exception cref="ArgumentException">Names or shapes do not fit; nothing was changed.</exception>
    public void Load(IReadOnlyDictionary<string, Tensor> state, IReadOnlyList<long> steps)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(steps);
        if (steps.Count != _steps.Length) throw new ArgumentException($"{steps.Count} step counts for {_steps.Length} parameters", nameof(steps));
        foreach (var (name, tensor) in State)
            if (!state.TryGetValue(name, out var saved) || !saved.shape.AsSpan().SequenceEqual(tensor.shape))
                throw new ArgumentException($"the saved state has no '{name}' of shape [{string.Join(",", tensor.shape)}]", nameof(state));

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, tensor) in State) tensor.copy_(state[name]);
        for (var i = 0; i < _steps.Length; i++) _steps[i] = steps[i];
    }

    /// <summary>Frees the state.</summary>
    public void Dispose()
    {
        foreach (var (_, tensor) in State) tensor.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Updates one parameter in place, inside a dispose scope and without gradient recording.</summary>
    /// <param name="index">The parameter's position.</param>
    /// <param name="parameter">The parameter.</param>
    /// <param name="gradient">Its gradient; not to be changed.</param>
    /// <param name="rate">The parameter's learning rate.</param>
    /// <param name="step">The updates of this parameter including this one, from 1.</param>
    protected abstract void Update(int index, Tensor parameter, Tensor gradient, double rate, long step);

    /// <summary>The weight decay of one parameter.</summary>
    protected double DecayOf(int index) => _decays[index];

    /// <summary>A zero tensor for every parameter, outside any dispose scope.</summary>
    protected Tensor[] ZerosLikeParameters() =>
        [.. Parameters.Select(p => zeros(p.Value.shape, dtype: p.Value.dtype, device: p.Value.device).DetachFromDisposeScope())];

    /// <summary>Names a state's tensors: <c>kind.parameter</c>.</summary>
    protected IEnumerable<KeyValuePair<string, Tensor>> Named(string kind, Tensor[] tensors) =>
        tensors.Select((t, i) => KeyValuePair.Create($"{kind}.{Parameters[i].Key}", t));

    double Factor(string name, Func<ParameterGroup, double> of) =>
        Options.Groups.Where(g => name.Contains(g.Contains, StringComparison.Ordinal)).Aggregate(1.0, (product, g) => product * of(g));
}
