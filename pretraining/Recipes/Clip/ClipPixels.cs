using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes.Clip;

/// <summary>Pixels as CLIP takes them.</summary>
static class ClipPixels
{
    static readonly float[] s_mean = [0.48145466f, 0.4578275f, 0.40821073f];
    static readonly float[] s_deviation = [0.26862954f, 0.26130258f, 0.27577711f];

    /// <summary>Maps [B, 3, H, W] in [-1, 1] to CLIP's mean and deviation.</summary>
    public static Tensor Normalize(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        var mean = tensor(s_mean).reshape(1, 3, 1, 1);
        var deviation = tensor(s_deviation).reshape(1, 3, 1, 1);
        return ((((pixels + 1) / 2) - mean) / deviation).MoveToOuterDisposeScope();
    }
}
