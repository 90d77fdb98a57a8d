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

    /// <summary>An embedding from <paramref name="inFeatures"/> to <paramref name="dim"/>.</summary>
    public TimeEmbedding(int inFeatures, int dim, string act)
    {
        _linear1 = Add("linear_1", new Linear(inFeatures, dim));
        _linear2 = Add("linear_2", new Linear(dim, dim));
        _act = Activations.Named(act);
    }

    /// <summary>Maps [B, in] to [B, dim], in the type of the weights: sines and cosines come in float32.</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var input = x.to(NamedWeights().First().Value.Value.dtype);
        return _linear2.Forward(_act(_linear1.Forward(input))).MoveToOuterDisposeScope();
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
