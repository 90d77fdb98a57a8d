using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Layers;

/// <summary>What half precision would spoil: places, boxes, logits and losses are computed in float32 whatever type the weights have.</summary>
static class SinglePrecision
{
    /// <summary>Whether a type has half precision.</summary>
    public static bool IsHalf(ScalarType type) => type is ScalarType.Float16 or ScalarType.BFloat16;

    /// <summary>The same numbers in float32; the tensor itself where its type is no coarser.</summary>
    public static Tensor Of(Tensor x) => IsHalf(x.dtype) ? x.to(ScalarType.Float32) : x;
}
