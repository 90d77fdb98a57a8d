using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip;

/// <summary>A checkpoint without a prompt offset, and an offset of zeros: what prompt tuning begins with.</summary>
/// <param name="inner">The checkpoint; not owned.</param>
/// <param name="shape">The offset's shape.</param>
sealed class PromptOffsetCheckpoint(ICheckpoint inner, IReadOnlyList<long> shape) : ICheckpoint
{
    public string Path => inner.Path;

    public IReadOnlyDictionary<string, TensorInfo> Tensors { get; } =
        new Dictionary<string, TensorInfo>(inner.Tensors, StringComparer.Ordinal) { [GlipKeys.PromptOffset] = new TensorInfo(DType.F32, shape) };

    public IReadOnlyDictionary<string, string> Metadata => inner.Metadata;

    public Tensor Read(string name, ScalarType? type = null) =>
        name == GlipKeys.PromptOffset ? zeros([.. shape], dtype: type ?? ScalarType.Float32) : inner.Read(name, type);

    public void Dispose()
    {
    }
}
