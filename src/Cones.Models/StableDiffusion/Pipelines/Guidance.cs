using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Pipelines;

/// <summary>Classifier-free guidance (Ho and Salimans, 2022).</summary>
public static class Guidance
{
    /// <summary>Moves the prediction away from the unguided one.</summary>
    /// <param name="prediction">[2B, C, h, w]: B rows without the prompt, then B rows with it.</param>
    /// <param name="scale">1 is the prediction with the prompt.</param>
    /// <param name="rescale">How much of the result gets the standard deviation of the prediction with the prompt, 0 to 1.</param>
    /// <returns>[B, C, h, w].</returns>
    public static Tensor Apply(Tensor prediction, double scale, double rescale = 0)
    {
        if (prediction.dim() != 4 || prediction.shape[0] % 2 != 0)
            throw new ArgumentException($"[{string.Join(",", prediction.shape)}] given, [2B,C,h,w] expected", nameof(prediction));
        using var scope = NewDisposeScope();
        var halves = prediction.chunk(2, 0); // 2 x [B, C, h, w]
        var (without, with) = (halves[0], halves[1]);
        var guided = without + (scale * (with - without));
        if (rescale > 0)
        {
            // Lin et al. 2023, section 3.4.
            var matched = guided * (Deviation(with) / Deviation(guided));
            guided = (rescale * matched) + ((1 - rescale) * guided);
        }

        return guided.MoveToOuterDisposeScope();
    }

    static Tensor Deviation(Tensor x) => x.std([1, 2, 3], keepdim: true); // [B, 1, 1, 1]
}
