using System.Text.Json;
using Cones.Models.Weights;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Weights;

/// <summary>Valid safetensors files: every type, shape and layout must be read bit for bit, and survive being written again.</summary>
sealed class SafetensorsRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["weights-safetensors-valid"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var expected = SafetensorsFile.Open(golden.PathOf("expected.safetensors"));
        using var index = JsonDocument.Parse(File.ReadAllText(golden.PathOf("index.json")));
        foreach (var entry in index.RootElement.EnumerateArray())
        {
            var name = entry.GetProperty("file").GetString()!;
            using var file = SafetensorsFile.Open(golden.PathOf(name));
            CheckListing(result, name, entry, file);
            foreach (var key in file.Tensors.Keys)
            {
                using var scope = NewDisposeScope();
                ExactComparison.Check(result, $"{name}/{key}", ExactComparison.Widen(file.Read(key)), expected.Read($"{name}/{key}"));
            }

            CheckRewritten(result, name, file);
        }
    }

    static void CheckListing(GoldenResult result, string name, JsonElement entry, SafetensorsFile file)
    {
        var tensors = entry.GetProperty("tensors").EnumerateObject().ToArray();
        result.ExpectSequence(tensors.Select(t => t.Name).Order(StringComparer.Ordinal), file.Tensors.Keys.Order(StringComparer.Ordinal), $"{name}: keys");
        foreach (var tensor in tensors)
        {
            if (!file.Tensors.TryGetValue(tensor.Name, out var info)) continue;
            result.ExpectEqual(tensor.Value.GetProperty("dtype").GetString(), info.Type.Name(), $"{name}/{tensor.Name}: dtype");
            result.ExpectSequence(tensor.Value.GetProperty("shape").EnumerateArray().Select(s => s.GetInt64()), info.Shape, $"{name}/{tensor.Name}: shape");
        }

        var metadata = entry.GetProperty("metadata");
        var expected = metadata.ValueKind == JsonValueKind.Object ? metadata.EnumerateObject().ToDictionary(m => m.Name, m => m.Value.GetString()) : [];
        result.ExpectSequence(
            expected.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => $"{m.Key}={m.Value}"),
            file.Metadata.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => $"{m.Key}={m.Value}"),
            $"{name}: metadata");
    }

    static void CheckRewritten(GoldenResult result, string name, SafetensorsFile file)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var path = folder.PathOf("again.safetensors");
        var tensors = file.Tensors.Keys.ToDictionary(k => k, k => file.Read(k));
        SafetensorsWriter.Write(path, tensors, file.Metadata);
        using var again = SafetensorsFile.Open(path);
        foreach (var (key, tensor) in tensors) ExactComparison.Check(result, $"{name}/{key} written again", again.Read(key), tensor);
        result.ExpectEqual(file.Metadata.Count, again.Metadata.Count(m => file.Metadata[m.Key] == m.Value), $"{name}: metadata written again");
    }
}
