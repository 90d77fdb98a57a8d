using System.Text.Json;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Manifests;

/// <summary>A checkpoint of which only the keys and shapes exist.</summary>
sealed class ManifestCheckpoint : ICheckpoint
{
    public ManifestCheckpoint(string path)
    {
        Path = path;
        Tensors = JsonDocument.Parse(File.ReadAllText(path)).RootElement.EnumerateObject().ToDictionary(
            e => e.Name,
            e => new TensorInfo(DType.F32, [.. e.Value.EnumerateArray().Select(d => d.GetInt64())]));
    }

    public string Path { get; }

    public IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    public IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    public Tensor Read(string key, ScalarType? type = null) => throw new InvalidOperationException($"{key}: a manifest holds no values");

    public void Dispose()
    {
    }
}
