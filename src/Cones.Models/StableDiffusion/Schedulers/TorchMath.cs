using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>
/// Elementary functions of one float32 number as LibTorch rounds them. The coefficients of high orders are differences of nearly
/// equal numbers: a last bit that differs from the reference's would show in the result.
/// </summary>
static class TorchMath
{
    public static float Log(float x) => Apply(x, t => t.log());

    public static float Exp(float x) => Apply(x, t => t.exp());

    public static float ExpM1(float x) => Apply(x, t => t.expm1());

    static float Apply(float x, Func<Tensor, Tensor> function)
    {
        using var scope = NewDisposeScope();
        return function(tensor(x)).item<float>();
    }
}
