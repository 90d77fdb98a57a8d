using System.Text.Json;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Manifests;

/// <summary>A checkpoint of which only the keys and shapes exist: those of one or several manifests.</summary>
sealed class ManifestCheckpoint : ICheckpoint
{
    public ManifestCheckpoint(params ReadOnlySpan<string> paths)
    {
        Path = paths[0];
        var tensors = new Dictionary<string, TensorInfo>();
        foreach (var path in paths)
            foreach (var entry in JsonDocument.Parse(File.ReadAllText(path)).RootElement.EnumerateObject())
                tensors.Add(entry.Name, new TensorInfo(DType.F32, [.. entry.Value.EnumerateArray().Select(d => d.GetInt64())]));
        Tensors = tensors;
    }

    public string Path { get; }

    public IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    public IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    public Tensor Read(string key, ScalarType? type = null) => throw new InvalidOperationException($"{key}: a manifest holds no values");

    public void Dispose()
    {
    }
}
