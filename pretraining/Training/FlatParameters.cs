using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Training;

/// <summary>A model under training, the prefix of its weights' names, and the factor of its learning rate.</summary>
sealed record TrainedPart(string Name, Module Module, double RateFactor = 1);

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
        var named = parts.SelectMany(p => p.Module.NamedWeights().Select(w => (Part: p, Name: $"{p.Name}.{w.Key}", Weight: w.Value))).ToArray();
        var count = named.Sum(n => n.Weight.Count);
        Values = zeros([count], dtype: ScalarType.Float32).DetachFromDisposeScope();
        Gradient = zeros([count], dtype: ScalarType.Float32).DetachFromDisposeScope();
        var segments = new List<Segment>();
        var gradients = new List<Tensor>();
        var start = 0L;
        foreach (var (part, name, weight) in named)
        {
            var view = View(Values, start, weight.Shape);
            view.copy_(weight.Value);
            weight.Assign(view.detach().requires_grad_(true));
            gradients.Add(View(Gradient, start, weight.Shape).DetachFromDisposeScope());
            segments.Add(new Segment(name, start, weight.Count, part.RateFactor, weight.Shape.Count > 1));
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

    /// <summary>Computes <see cref="Gradient"/> of a loss that depends on every weight.</summary>
    public void Differentiate(Tensor loss)
    {
        using var scope = NewDisposeScope();
        var gradients = autograd.grad([loss], _weights);
        using var noGrad = no_grad();
        for (var i = 0; i < gradients.Count; i++) _gradientViews[i].copy_(gradients[i]);
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
