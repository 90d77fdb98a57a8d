using System.Text.Json;
using Cones.Concepts.Formats;
using Cones.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Concepts;

/// <summary>Embedding files of other programs: read exactly, written and read again, or refused with a message that names them.</summary>
sealed class EmbeddingFilesRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["embedding-files"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        foreach (var entry in golden.Json.GetProperty("inputs").GetProperty("files").EnumerateObject())
        {
            var expected = entry.Value.GetProperty("tensors").EnumerateObject().ToArray();
            if (expected.Length > 0) CheckRead(golden, result, entry.Name, expected);
            else CheckRefused(golden, result, entry.Name);
        }

        result.RequireAllOutputs();
    }

    static void CheckRead(GoldenCase golden, GoldenResult result, string name, JsonProperty[] expected)
    {
        using var file = EmbeddingFile.Read(golden.PathOf(name));
        var tensors = file.ToTensors(name);
        result.ExpectSequence(expected.Select(e => e.Name).Order(StringComparer.Ordinal), tensors.Keys.Order(StringComparer.Ordinal), $"{name}: keys");
        foreach (var entry in expected.Where(e => tensors.ContainsKey(e.Name)))
        {
            var shape = entry.Value.GetProperty("shape").EnumerateArray().Select(s => s.GetInt64()).ToArray();
            var actual = tensors[entry.Name];
            result.ExpectEqual(shape.Length == 1 ? $"1,{shape[0]}" : string.Join(",", shape), string.Join(",", actual.shape), $"{name}/{entry.Name}: shape as [n,dim]");
            result.Check($"out.{name}/{entry.Name}", actual.reshape(shape));
            result.ExpectEqual(entry.Name.EndsWith("_out", StringComparison.Ordinal), file.OutputEmbeddings.Values.Contains(actual), $"{name}/{entry.Name}: at the output");
            result.ExpectEqual(entry.Value.GetProperty("dtype_in_file").GetString()!, NameOf(file), $"{name}: type in the file");
        }

        CheckWrittenAgain(result, name, file, tensors);
    }

    static void CheckWrittenAgain(GoldenResult result, string name, EmbeddingFile file, IReadOnlyDictionary<string, Tensor> tensors)
    {
        var folder = Directory.CreateTempSubdirectory("cones-");
        try
        {
            var path = Path.Combine(folder.FullName, name);
            file.Write(path);
            using var again = EmbeddingFile.Read(path);
            var read = again.ToTensors(path);
            result.ExpectEqual((file.Format, file.Placeholder, file.StoredType, file.HasTwoEncoders), (again.Format, again.Placeholder, again.StoredType, again.HasTwoEncoders), $"{name}: written again");
            result.ExpectSequence(tensors.Keys.Order(StringComparer.Ordinal), read.Keys.Order(StringComparer.Ordinal), $"{name}: keys written again");
            result.ExpectSequence(Text(file.Metadata), Text(again.Metadata), $"{name}: metadata written again");
            foreach (var (key, tensor) in tensors)
                result.Expect(read.TryGetValue(key, out var value) && value.shape.AsSpan().SequenceEqual(tensor.shape) && value.eq(tensor).all().item<bool>(), $"{name}/{key}: written again, differs");
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        static IEnumerable<string> Text(IReadOnlyDictionary<string, string> metadata) => metadata.Select(m => $"{m.Key}={m.Value}").Order(StringComparer.Ordinal);
    }

    static void CheckRefused(GoldenCase golden, GoldenResult result, string name)
    {
        try
        {
            EmbeddingFile.Read(golden.PathOf(name)).Dispose();
            result.Fail($"{name}: must be refused, was read");
        }
        catch (ConesException e)
        {
            result.Expect(e.Message.Contains(name, StringComparison.Ordinal), $"{name}: the refusal does not name it: {e.Message}");
        }
    }

    static string NameOf(EmbeddingFile file) => file.StoredType switch
    {
        Models.Weights.DType.F16 => "float16",
        Models.Weights.DType.BF16 => "bfloat16",
        Models.Weights.DType.F64 => "float64",
        _ => "float32",
    };
}
