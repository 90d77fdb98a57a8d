using System.Text.Json;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens;

/// <summary>One golden case: a folder with <c>case.json</c> and, mostly, <c>io.safetensors</c>.</summary>
public sealed class GoldenCase
{
    readonly Lazy<Dictionary<string, Tensor>> _tensors;

    GoldenCase(string folder, string root)
    {
        Folder = folder;
        Root = root;
        Json = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "case.json"))).RootElement;
        Kind = Json.GetProperty("kind").GetString()!;
        Id = Path.GetRelativePath(root, folder).Replace('\\', '/');
        _tensors = new(ReadTensors);
    }

    /// <summary>The case's folder.</summary>
    public string Folder { get; }

    /// <summary>The folder that was walked.</summary>
    public string Root { get; }

    /// <summary>The folder below <see cref="Root"/>, with forward slashes.</summary>
    public string Id { get; }

    /// <summary>Which runner the case needs.</summary>
    public string Kind { get; }

    /// <summary>The whole of <c>case.json</c>.</summary>
    public JsonElement Json { get; }

    /// <summary><c>params</c> of <c>case.json</c>, or an undefined element.</summary>
    public JsonElement Params => Json.TryGetProperty("params", out var p) ? p : default;

    /// <summary>Every tensor of <c>io.safetensors</c>, as stored.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors => _tensors.Value;

    /// <summary>A file or folder of the case.</summary>
    public string PathOf(string name) => Path.Combine(Folder, name);

    /// <summary>The cases below <paramref name="root"/>, in the order of their ids.</summary>
    public static IReadOnlyList<GoldenCase> Discover(string root) =>
    [
        .. Directory.EnumerateFiles(root, "case.json", SearchOption.AllDirectories)
            .Select(f => new GoldenCase(Path.GetDirectoryName(f)!, root))
            .OrderBy(c => c.Id, StringComparer.Ordinal),
    ];

    /// <inheritdoc/>
    public override string ToString() => Id;

    Dictionary<string, Tensor> ReadTensors()
    {
        using var file = SafetensorsFile.Open(PathOf("io.safetensors"));
        return file.Tensors.Keys.ToDictionary(k => k, k => file.Read(k).DetachFromDisposeScope());
    }
}
