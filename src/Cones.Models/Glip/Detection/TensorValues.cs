using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip.Detection;

/// <summary>Tensors to managed memory.</summary>
static class TensorValues
{
    /// <summary>All elements in order, from whatever type and device.</summary>
    public static float[] Floats(Tensor values)
    {
        using var scope = NewDisposeScope();
        return values.numel() == 0 ? [] : values.detach().to(ScalarType.Float32).cpu().contiguous().data<float>().ToArray();
    }
}
