using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Cones.Models;
using Cones.Models.Weights;
using Cones.Models.Weights.Pickle;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Weights;

/// <summary>Valid PyTorch files: objects and tensors must be read exactly.</summary>
sealed class TorchFilesRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["weights-torch-valid"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var expected = SafetensorsFile.Open(golden.PathOf("expected.safetensors"));
        using var index = JsonDocument.Parse(File.ReadAllText(golden.PathOf("index.json")));
        var compared = new HashSet<string>();
        foreach (var entry in index.RootElement.EnumerateArray())
        {
            var name = entry.GetProperty("file").GetString()!;
            try
            {
                using var archive = TorchArchive.Open(golden.PathOf(name));
                Compare(name, entry.GetProperty("content"), archive.Root);
            }
            catch (ConesException e) when (entry.GetProperty("torch_weights_only").GetString()!.StartsWith("refused", StringComparison.Ordinal))
            {
                result.Expect(e.Message.Contains(name, StringComparison.Ordinal), $"{name}: the refusal does not name the file");
                compared.UnionWith(expected.Tensors.Keys.Where(k => k.StartsWith($"{name}/", StringComparison.Ordinal)));
            }
        }

        foreach (var key in expected.Tensors.Keys.Where(k => !compared.Contains(k))) result.Fail($"{key}: never compared");

        void Compare(string path, JsonElement json, object? actual)
        {
            switch (json.ValueKind)
            {
                case JsonValueKind.Object when IsTensor(json, out var description):
                    CompareTensor(path, description, actual as TorchTensor);
                    break;
                case JsonValueKind.Object:
                    CompareDictionary(path, json, actual as TorchDictionary);
                    break;
                case JsonValueKind.Array:
                    var items = actual as IReadOnlyList<object?> ?? [];
                    result.ExpectEqual(json.GetArrayLength(), items.Count, $"{path}: length");
                    for (var i = 0; i < Math.Min(json.GetArrayLength(), items.Count); i++) Compare($"{path}/{i}", json[i], items[i]);
                    break;
                default:
                    result.ExpectEqual(Text(json), Text(actual), path);
                    break;
            }
        }

        void CompareDictionary(string path, JsonElement json, TorchDictionary? actual)
        {
            result.ExpectSequence(json.EnumerateObject().Select(p => p.Name), actual?.Select(i => Text(i.Key)) ?? [], $"{path}: keys");
            foreach (var property in json.EnumerateObject())
                Compare($"{path}/{property.Name}", property.Value, actual?.FirstOrDefault(i => Text(i.Key) == property.Name).Value);
        }

        void CompareTensor(string path, JsonElement description, TorchTensor? actual)
        {
            // A file that is one tensor is listed under its own name, with or without a slash.
            var key = expected.Tensors.ContainsKey(path) ? path : $"{path}/";
            compared.Add(key);
            if (actual is null || !expected.Tensors.ContainsKey(key))
            {
                result.Fail($"{path}: no tensor was found");
                return;
            }

            result.ExpectSequence(description[1].EnumerateArray().Select(s => s.GetInt64()), actual.Info.Shape, $"{path}: shape");
            result.ExpectSequence(description[2].EnumerateArray().Select(s => s.GetInt64()), actual.Strides, $"{path}: strides");
            using var scope = NewDisposeScope();
            ExactComparison.Check(result, path, ExactComparison.Widen(actual.Read()), expected.Read(key));
        }
    }

    static bool IsTensor(JsonElement json, out JsonElement description) =>
        json.TryGetProperty("tensor", out description) && description.ValueKind == JsonValueKind.Array && description.GetArrayLength() == 3 && description[1].ValueKind == JsonValueKind.Array;

    static string Text(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Number when json.GetRawText().AsSpan().IndexOfAny(".eE") >= 0 => json.GetDouble().ToString("r", CultureInfo.InvariantCulture),
        JsonValueKind.Number => json.GetRawText(),
        JsonValueKind.True or JsonValueKind.False => json.GetRawText(),
        JsonValueKind.Null => "null",
        _ => json.GetString()!,
    };

    static string Text(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        double number when double.IsInfinity(number) => number > 0 ? "inf" : "-inf",
        double number when double.IsNaN(number) => "nan",
        double number => number.ToString("r", CultureInfo.InvariantCulture),
        long or BigInteger => string.Create(CultureInfo.InvariantCulture, $"{value}"),
        _ => value.ToString()!,
    };
}
