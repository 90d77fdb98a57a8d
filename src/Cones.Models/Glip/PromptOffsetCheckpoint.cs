using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Glip;

/// <summary>A checkpoint without a prompt offset, and an offset of zeros: what prompt tuning begins with.</summary>
/// <param name="inner">The checkpoint; not owned.</param>
/// <param name="key">The offset's key.</param>
/// <param name="shape">Its shape.</param>
sealed class PromptOffsetCheckpoint(ICheckpoint inner, string key, IReadOnlyList<long> shape) : ICheckpoint
{
    public string Path => inner.Path;

    public IReadOnlyDictionary<string, TensorInfo> Tensors { get; } =
        new Dictionary<string, TensorInfo>(inner.Tensors, StringComparer.Ordinal) { [key] = new TensorInfo(DType.F32, shape) };

    public IReadOnlyDictionary<string, string> Metadata => inner.Metadata;

    public Tensor Read(string name, ScalarType? type = null) =>
        name == key ? zeros([.. shape], dtype: type ?? ScalarType.Float32) : inner.Read(name, type);

    public void Dispose()
    {
    }
}
