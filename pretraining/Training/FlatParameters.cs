using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Training;

/// <summary>A model under training.</summary>
/// <param name="Name">The prefix of its weights' names.</param>
/// <param name="Module">The model.</param>
/// <param name="RateFactor">The factor of its learning rate.</param>
/// <param name="RateFactorOf">A further factor for each weight by its name in the model, or null.</param>
sealed record TrainedPart(string Name, Module Module, double RateFactor = 1, Func<string, double>? RateFactorOf = null);

/// <summary>A range of the flat parameters that is updated alike.</summary>
/// <param name="Name">The weight's name, with the part's name before it.</param>
/// <param name="Start">The first element.</param>
/// <param name="Count">The number of elements.</param>
/// <param name="RateFactor">The factor of the learning rate.</param>
/// <param name="Decays">Whether weight decay applies: to matrices and kernels, not to scales, shifts and single vectors.</param>
readonly record struct Segment(string Name, long Start, long Count, double RateFactor, bool Decays);

/// <summary>
/// All weights of models under training in one tensor, of which the models' weights are views: optimiser, average and
/// checkpoint see a single vector. Kernels of convolutions lie channels-last in it.
/// </summary>
sealed class FlatParameters : IDisposable
{
    readonly Tensor[] _weights;
    readonly Tensor[] _gradientViews;

    /// <summary>Takes over the weights that the modules have; they require gradients from now on.</summary>
    /// <exception cref="InvalidOperationException">A weight has no value.</exception>
    public FlatParameters(IReadOnlyList<TrainedPart> parts)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var named = parts.SelectMany(p => p.Module.NamedWeights().Select(w => (Part: p, w.Key, Weight: w.Value))).ToArray();
        var count = named.Sum(n => n.Weight.Count);
        Values = zeros([count], dtype: ScalarType.Float32).DetachFromDisposeScope();
        Gradient = zeros([count], dtype: ScalarType.Float32).DetachFromDisposeScope();
        var segments = new List<Segment>();
        var gradients = new List<Tensor>();
        var start = 0L;
        foreach (var (part, key, weight) in named)
        {
            var view = View(Values, start, weight.Shape);
            view.copy_(weight.Value);
            weight.Assign(view.detach().requires_grad_(true));
            gradients.Add(View(Gradient, start, weight.Shape).DetachFromDisposeScope());
            segments.Add(new Segment($"{part.Name}.{key}", start, weight.Count, part.RateFactor * (part.RateFactorOf?.Invoke(key) ?? 1), weight.Shape.Count > 1));
            start += weight.Count;
        }

        Segments = segments;
        _weights = [.. named.Select(n => n.Weight.Value)];
        _gradientViews = [.. gradients];
    }

    /// <summary>All values, [N]; changing them changes the models.</summary>
    public Tensor Values { get; }

    /// <summary>The gradient of the last <see cref="Differentiate"/>, [N].</summary>
    public Tensor Gradient { get; }

    /// <summary>One range a weight, in order and without gaps.</summary>
    public IReadOnlyList<Segment> Segments { get; }

    /// <summary>Computes <see cref="Gradient"/> of a loss; it is 0 for weights that the loss does not depend on.</summary>
    public void Differentiate(Tensor loss)
    {
        using var scope = NewDisposeScope();
        var gradients = autograd.grad([loss], _weights, allow_unused: true);
        using var noGrad = no_grad();
        for (var i = 0; i < gradients.Count; i++)
        {
            if (gradients[i] is { IsInvalid: false } gradient) _gradientViews[i].copy_(gradient);
            else _gradientViews[i].zero_();
        }
    }

    /// <summary>Frees the vector and the gradients; the models keep their views.</summary>
    public void Dispose()
    {
        foreach (var view in _gradientViews) view.Dispose();
        Values.Dispose();
        Gradient.Dispose();
    }

    static Tensor View(Tensor flat, long start, IReadOnlyList<long> shape)
    {
        var count = shape.Aggregate(1L, (a, b) => a * b);
        var part = flat.narrow(0, start, count);
        return shape.Count == 4
            ? part.view(shape[0], shape[2], shape[3], shape[1]).permute(0, 3, 1, 2) // [out, h, w, in] -> [out, in, h, w]
            : part.view([.. shape]);
    }
}
