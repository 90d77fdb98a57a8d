using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.UNet;

/// <summary>Two linear layers with an activation between them, as diffusers' <c>TimestepEmbedding</c>.</summary>
public sealed class TimeEmbedding : Module
{
    readonly Linear _linear1;
    readonly Linear _linear2;
    readonly Func<Tensor, Tensor> _act;
    readonly Func<Tensor, Tensor>? _postAct;

    /// <summary>An embedding from <paramref name="inFeatures"/> to <paramref name="dim"/>.</summary>
    /// <param name="inFeatures">The width of the input.</param>
    /// <param name="dim">The width of the result.</param>
    /// <param name="act">The activation function between the layers.</param>
    /// <param name="postAct">The activation function after them, or null.</param>
    /// <param name="conditionDim">
    /// The width of a condition that may be added to the input, or null. It is for guidance-distilled models, whose guidance scale
    /// is never given here: its weights are only loaded.
    /// </param>
    public TimeEmbedding(int inFeatures, int dim, string act, string? postAct = null, int? conditionDim = null)
    {
        if (conditionDim is { } width) Add("cond_proj", new Linear(width, inFeatures, bias: false));
        _linear1 = Add("linear_1", new Linear(inFeatures, dim));
        _linear2 = Add("linear_2", new Linear(dim, dim));
        _act = Activations.Named(act);
        _postAct = postAct is null ? null : Activations.Named(postAct);
    }

    /// <summary>Maps [B, in] to [B, dim], in the type of the weights: sines and cosines come in float32.</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var embedding = _linear2.Forward(_act(_linear1.Forward(x.to(_linear1.Matrix.dtype))));
        return (_postAct?.Invoke(embedding) ?? embedding).MoveToOuterDisposeScope();
    }

    /// <summary>Sines and cosines of numbers, as diffusers' <c>get_timestep_embedding</c>, in float32 like the reference.</summary>
    /// <param name="values">[N], timesteps or size ids.</param>
    /// <param name="dim">The width of the result.</param>
    /// <param name="flipSinToCos">[cos, sin] instead of [sin, cos].</param>
    /// <param name="freqShift">Shift of the frequencies.</param>
    /// <returns>[N, dim] float32.</returns>
    public static Tensor Sinusoidal(Tensor values, int dim, bool flipSinToCos, int freqShift)
    {
        using var scope = NewDisposeScope();
        var half = dim / 2;
        var exponent = arange(half, dtype: ScalarType.Float32, device: values.device) * (float)-Math.Log(10000) / (half - freqShift);
        var angles = values.to(ScalarType.Float32).unsqueeze(-1) * exponent.exp().unsqueeze(0); // [N, half]
        var result = flipSinToCos ? cat([angles.cos(), angles.sin()], -1) : cat([angles.sin(), angles.cos()], -1);
        if (dim % 2 == 1) result = nn.functional.pad(result, [0, 1, 0, 0]);
        return result.MoveToOuterDisposeScope();
    }
}

/// <summary>Sines and cosines whose frequencies are weights, as diffusers' <c>GaussianFourierProjection</c> without logarithm.</summary>
public sealed class FourierTimes : Module
{
    readonly Weight _frequencies;
    readonly bool _flipSinToCos;

    /// <summary>A projection to <paramref name="dim"/> features, an even number.</summary>
    public FourierTimes(int dim, bool flipSinToCos)
    {
        if (dim % 2 != 0) throw new ArgumentException($"the time embedding is {dim} wide, an even number is needed for time_embedding_type fourier", nameof(dim));
        _frequencies = AddWeight("weight", dim / 2);
        _flipSinToCos = flipSinToCos;
    }

    /// <summary>Maps times [N] to [N, dim].</summary>
    public Tensor Forward(Tensor times)
    {
        using var scope = NewDisposeScope();
        var angles = times.to(_frequencies.Value.dtype).unsqueeze(-1) * _frequencies.Value.unsqueeze(0) * 2 * Math.PI; // [N, dim / 2]
        return cat(_flipSinToCos ? [angles.cos(), angles.sin()] : [angles.sin(), angles.cos()], -1).MoveToOuterDisposeScope();
    }
}
