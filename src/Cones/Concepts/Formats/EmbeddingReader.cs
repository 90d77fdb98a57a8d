using System.Globalization;
using Cones.Models;
using Cones.Models.Weights;
using Cones.Models.Weights.Pickle;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Concepts.Formats;

/// <summary>Reads the embedding files of other programs.</summary>
static class EmbeddingReader
{
    const int MostKeysInMessage = 8;

    public static EmbeddingFile Read(string path)
    {
        // What has been read when a later tensor turns out bad goes with the scope.
        using var scope = NewDisposeScope();
        var file = ReadInScope(path);
        foreach (var tensor in file.Tensors) tensor.DetachFromDisposeScope();
        return file;
    }

    static EmbeddingFile ReadInScope(string path)
    {
        if (Checkpoint.FormatOf(path) is not (CheckpointFormat.TorchZip or CheckpointFormat.TorchLegacy))
        {
            using var file = SafetensorsFile.Open(path);
            if (file.Metadata.GetValueOrDefault("format") == "cones.concept") throw new ConesException($"{path} is a concept file of cones: use it as it is");
            return FromTensors(path, file.Tensors.ToDictionary(t => t.Key, t => new Stored(t.Value, () => file.Read(t.Key, ScalarType.Float32))), file.Metadata);
        }

        using var archive = TorchArchive.Open(path);
        return archive.Root switch
        {
            TorchDictionary root when root.TryGet<TorchDictionary>("string_to_param", out var terms) => FromA1111(path, root, terms),
            TorchDictionary root when root.Count > 0 && root.All(i => i is { Key: string, Value: TorchTensor }) => FromTensors(
                path, root.ToDictionary(i => (string)i.Key, i => Stored.Of((TorchTensor)i.Value!)), new Dictionary<string, string>()),
            TorchDictionary root => throw Unknown(path, root.Select(i => i.Key)),
            _ => throw new ConesException($"{path} holds no embeddings by name: save a dictionary of the placeholder and its vectors"),
        };
    }

    static EmbeddingFile FromTensors(string path, Dictionary<string, Stored> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        if (tensors.ContainsKey(PromptEmbeddings.EmbeddingsKey)) return FromPrompt(path, tensors, metadata);
        if (EmbeddingKeys.FormatOf(tensors.Keys) is { } format) return FromKnownKeys(path, format, tensors, metadata);
        if (tensors.Count == 1 && IsPlaceholder(tensors.Keys.Single()))
        {
            var (placeholder, stored) = tensors.Single();
            return new EmbeddingFile
            {
                Format = EmbeddingFormat.Diffusers,
                Placeholder = placeholder,
                InputEmbeddings = Vectors(path, [(EmbeddingFile.FirstEncoder, placeholder, stored)]),
                Metadata = Copy(metadata),
                StoredType = stored.Info.Type,
            };
        }

        throw Unknown(path, tensors.Keys);
    }

    static EmbeddingFile FromKnownKeys(string path, EmbeddingFormat format, Dictionary<string, Stored> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        return new EmbeddingFile
        {
            Format = format,
            InputEmbeddings = On(TextEncoderSide.Input),
            OutputEmbeddings = On(TextEncoderSide.Output),
            Metadata = Copy(metadata),
            StoredType = tensors.Values.First().Info.Type,
            HasTwoEncoders = EmbeddingKeys.IsOfTwo(tensors.Keys.First()),
        };

        Dictionary<string, Tensor> On(TextEncoderSide side) => Vectors(
            path,
            [.. tensors.Where(t => EmbeddingKeys.PlaceOf(format, t.Key).Side == side).Select(t => (EmbeddingKeys.PlaceOf(format, t.Key).Encoder, t.Key, t.Value))]);
    }

    static EmbeddingFile FromPrompt(string path, Dictionary<string, Stored> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        string[] known = [PromptEmbeddings.EmbeddingsKey, PromptEmbeddings.PooledKey, PromptEmbeddings.NegativeKey, PromptEmbeddings.NegativePooledKey];
        if (tensors.Keys.Except(known).Any()) throw Unknown(path, tensors.Keys);
        var prompt = new PromptEmbeddings(Of(known[0])!, Of(known[1]), Of(known[2]), Of(known[3]));
        if (prompt.Problem() is { } problem) throw new ConesException($"{path} is no encoded prompt: {problem}");
        return new EmbeddingFile
        {
            Format = EmbeddingFormat.PromptEmbeds,
            Prompt = prompt,
            Metadata = Copy(metadata),
            StoredType = tensors[known[0]].Info.Type,
        };

        Tensor? Of(string key) => tensors.TryGetValue(key, out var stored) ? Numbers(path, key, stored) : null;
    }

    static EmbeddingFile FromA1111(string path, TorchDictionary root, TorchDictionary terms)
    {
        if (terms.Count != 1 || terms.First() is not { Key: string term, Value: TorchTensor tensor })
            throw new ConesException($"{path} holds {terms.Count} terms ({List(terms.Select(t => t.Key))}) where the web UI's embeddings have one: save each in a file of its own");
        var metadata = new Dictionary<string, string>();
        foreach (var (key, value) in root)
            if (key is string name and not ("name" or "string_to_token" or "string_to_param") && Text(value) is { } text) metadata[name] = text;
        if (term != EmbeddingWriter.A1111Term) metadata[EmbeddingWriter.TermKey] = term;
        return new EmbeddingFile
        {
            Format = EmbeddingFormat.A1111,
            Placeholder = root.TryGetValue("name", out var given) ? given as string : null,
            InputEmbeddings = Vectors(path, [(EmbeddingFile.FirstEncoder, term, Stored.Of(tensor))]),
            Metadata = metadata,
            StoredType = tensor.Info.Type,
        };

        static string? Text(object? value) => value switch
        {
            string text => text,
            long or double or bool => Convert.ToString(value, CultureInfo.InvariantCulture),
            _ => null,
        };
    }

    // Any text can be a placeholder; keys of weights have dots.
    static bool IsPlaceholder(string key) => key.Length > 0 && (!key.Contains('.', StringComparison.Ordinal) || (key.StartsWith('<') && key.EndsWith('>')));

    static Dictionary<string, Tensor> Vectors(string path, IReadOnlyList<(string Encoder, string Key, Stored Stored)> tensors)
    {
        foreach (var (_, key, stored) in tensors)
        {
            var shape = stored.Info.Shape;
            if (shape.Count is not (1 or 2) || stored.Info.Count == 0)
                throw new ConesException($"{path} is no embedding: '{key}' has shape [{string.Join(",", shape)}], [n,dim] expected");
        }

        if (tensors.Select(t => Rows(t.Stored)).Distinct().Count() > 1)
            throw new ConesException($"{path} has {string.Join(" and ", tensors.Select(t => $"{Rows(t.Stored)} vectors for {t.Key}"))}; the numbers must be equal");

        // Early files have a single vector without its axis.
        return tensors.ToDictionary(t => t.Encoder, t => Numbers(path, t.Key, t.Stored).reshape(Rows(t.Stored), -1));

        static long Rows(Stored stored) => stored.Info.Shape.Count == 1 ? 1 : stored.Info.Shape[0];
    }

    static Tensor Numbers(string path, string key, Stored stored)
    {
        if (!stored.Info.Type.IsFloatingPoint()) throw new ConesException($"{path}: '{key}' is of type {stored.Info.Type.Name()}, embeddings are floating-point numbers");
        using var scope = NewDisposeScope();
        var value = stored.Read();
        if (!value.isfinite().all().item<bool>()) throw new ConesException($"{path}: '{key}' holds NaN or infinity, so its training failed: use an earlier one");
        return value.MoveToOuterDisposeScope();
    }

    static Dictionary<string, string> Copy(IReadOnlyDictionary<string, string> metadata) => metadata.ToDictionary(m => m.Key, m => m.Value);

    static ConesException Unknown(string path, IEnumerable<object> keys) => new(
        $"{path} holds no text embeddings that are known (its keys: {List(keys)}): give a textual-inversion file of diffusers, A1111, kohya or OneTrainer");

    static string List(IEnumerable<object> keys)
    {
        var first = keys.Take(MostKeysInMessage + 1).Select(k => $"{k}").ToArray();
        return string.Join(", ", first.Take(MostKeysInMessage)) + (first.Length > MostKeysInMessage ? ", ..." : "");
    }

    sealed record Stored(TensorInfo Info, Func<Tensor> Read)
    {
        public static Stored Of(TorchTensor tensor) => new(tensor.Info, () => tensor.Read(ScalarType.Float32));
    }
}
