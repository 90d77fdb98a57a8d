using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Training;

/// <summary>The numbers of an <see cref="AdamW"/>.</summary>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="WeightDecay">Decoupled weight decay.</param>
/// <param name="ClipNorm">The largest norm of the whole gradient; a longer one is shortened to it.</param>
/// <param name="AverageDecay">Decay of the running average of the weights, after its beginning.</param>
/// <param name="Epsilon">Added to the root of the second moment.</param>
sealed record AdamWOptions(
    double Beta1 = 0.9, double Beta2 = 0.99, double WeightDecay = 0.01, double ClipNorm = 1, double AverageDecay = 0.999, double Epsilon = 1e-8);

/// <summary>
/// AdamW (Loshchilov and Hutter, arXiv 1711.05101) on <see cref="FlatParameters"/> with gradient clipping and a running average
/// of the weights, in one pass over the memory.
/// </summary>
sealed unsafe class AdamW : IDisposable
{
    readonly FlatParameters _parameters;
    readonly AdamWOptions _options;

    /// <summary>An optimiser without history; the average begins at the weights.</summary>
    public AdamW(FlatParameters parameters, AdamWOptions options)
    {
        (_parameters, _options) = (parameters, options);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        First = zeros_like(parameters.Values).DetachFromDisposeScope();
        Second = zeros_like(parameters.Values).DetachFromDisposeScope();
        Average = parameters.Values.clone().DetachFromDisposeScope();
    }

    /// <summary>The first moment, [N].</summary>
    public Tensor First { get; }

    /// <summary>The second moment, [N].</summary>
    public Tensor Second { get; }

    /// <summary>The running average of the weights, [N].</summary>
    public Tensor Average { get; }

    /// <summary>Updates weights and average by the parameters' gradient.</summary>
    /// <param name="step">The updates before this one.</param>
    /// <param name="rate">The learning rate.</param>
    /// <returns>The gradient's norm before clipping; where it is not finite nothing was changed.</returns>
    public double Step(long step, double rate)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var norm = Math.Sqrt(_parameters.Gradient.square().sum(ScalarType.Float64).item<double>());
        if (!double.IsFinite(norm)) return norm;
        var constants = new Constants(
            (float)(norm > _options.ClipNorm ? _options.ClipNorm / norm : 1),
            (float)_options.Beta1,
            (float)_options.Beta2,
            (float)(1 / Math.Sqrt(1 - Math.Pow(_options.Beta2, step + 1))),
            (float)_options.Epsilon,
            // At the beginning the average is shorter: the random start should not stay in it.
            (float)(1 - Math.Min(_options.AverageDecay, (1.0 + step) / (10.0 + step))));
        float* values = Pointer(_parameters.Values), gradient = Pointer(_parameters.Gradient);
        float* first = Pointer(First), second = Pointer(Second), average = Pointer(Average);
        foreach (var segment in _parameters.Segments)
        {
            var own = rate * segment.RateFactor;
            var s = segment.Start;
            Update(
                values + s, gradient + s, first + s, second + s, average + s, segment.Count, constants,
                (float)(own / (1 - Math.Pow(_options.Beta1, step + 1))), segment.Decays ? (float)(1 - (own * _options.WeightDecay)) : 1);
        }

        return norm;
    }

    /// <summary>Frees the moments and the average.</summary>
    public void Dispose()
    {
        First.Dispose();
        Second.Dispose();
        Average.Dispose();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Update(
        float* values, float* gradient, float* first, float* second, float* average, long count, Constants c, float rate, float keep)
    {
        var i = 0L;
        for (; i + Vector256<float>.Count <= count; i += Vector256<float>.Count)
        {
            var g = Vector256.Load(gradient + i) * c.Clip;
            var m = Vector256.Load(first + i);
            m += (g - m) * (1 - c.Beta1);
            var v = (Vector256.Load(second + i) * c.Beta2) + (g * g * (1 - c.Beta2));
            var w = (Vector256.Load(values + i) * keep) - (m / ((Vector256.Sqrt(v) * c.Correction2) + Vector256.Create(c.Epsilon)) * rate);
            var a = Vector256.Load(average + i);
            m.Store(first + i);
            v.Store(second + i);
            w.Store(values + i);
            (a + ((w - a) * c.Follow)).Store(average + i);
        }

        for (; i < count; i++)
        {
            var g = gradient[i] * c.Clip;
            first[i] += (g - first[i]) * (1 - c.Beta1);
            second[i] = (second[i] * c.Beta2) + (g * g * (1 - c.Beta2));
            values[i] = (values[i] * keep) - (first[i] / ((MathF.Sqrt(second[i]) * c.Correction2) + c.Epsilon) * rate);
            average[i] += (values[i] - average[i]) * c.Follow;
        }
    }

    static float* Pointer(Tensor x) => (float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(x.bytes));

    readonly record struct Constants(float Clip, float Beta1, float Beta2, float Correction2, float Epsilon, float Follow);
}
