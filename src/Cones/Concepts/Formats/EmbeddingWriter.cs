using System.Globalization;
using Cones.Models;
using Cones.Models.Weights;
using Cones.Models.Weights.Pickle;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Concepts.Formats;

/// <summary>Writes the embedding files of other programs.</summary>
static class EmbeddingWriter
{
    /// <summary>What the web UI calls the only term of an embedding.</summary>
    public const string A1111Term = "*";

    /// <summary>Where another term is kept in the metadata.</summary>
    public const string TermKey = "term";

    // The token of "*" in CLIP's vocabulary, which the web UI writes.
    const int A1111Token = 265;

    public static void Write(EmbeddingFile file, string path, EmbeddingFormat format)
    {
        var safetensors = IsSafetensors(path, format);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var type = StoredType(file.StoredType);
        var tensors = Tensors(file, path, format).ToDictionary(t => t.Key, t => t.Value.detach().cpu().to(type));
        if (safetensors) SafetensorsWriter.Write(path, tensors, Metadata(file, format));
        else TorchWriter.Write(path, format == EmbeddingFormat.A1111 ? A1111Root(file, path, tensors.Single()) : tensors);
    }

    public static IReadOnlyDictionary<string, Tensor> Tensors(EmbeddingFile file, string path, EmbeddingFormat format)
    {
        switch (format)
        {
            case EmbeddingFormat.PromptEmbeds:
                return file.Prompt?.ToDictionary() ?? throw new ConesException($"{path} cannot be written as prompt_embeds: these embeddings are no whole prompt: search with --rule full-but-first");
            case EmbeddingFormat.Diffusers:
                return new Dictionary<string, Tensor>
                {
                    [file.Placeholder ?? throw new ConesException($"{path} cannot be written for diffusers without a placeholder: give one")] = SingleInput(file, path, format),
                };
            case EmbeddingFormat.A1111:
                return new Dictionary<string, Tensor> { [file.Metadata.GetValueOrDefault(TermKey, A1111Term)] = SingleInput(file, path, format) };
            default:
                var all = file.InputEmbeddings.Select(e => (Side: TextEncoderSide.Input, Encoder: e.Key, e.Value))
                    .Concat(file.OutputEmbeddings.Select(e => (Side: TextEncoderSide.Output, Encoder: e.Key, e.Value))).ToArray();
                if (all.Length == 0) throw CannotHold(path, format, "a whole prompt");
                var two = file.HasTwoEncoders || all.Any(e => e.Encoder == EmbeddingFile.SecondEncoder);
                return all.ToDictionary(
                    e => EmbeddingKeys.KeyOf(format, e.Side, e.Encoder, two)
                        ?? throw CannotHold(path, format, $"embeddings at the {(e.Side == TextEncoderSide.Input ? "input" : "output")} of {e.Encoder}"),
                    e => e.Value);
        }
    }

    static Tensor SingleInput(EmbeddingFile file, string path, EmbeddingFormat format)
    {
        if (file.Prompt is not null) throw CannotHold(path, format, "a whole prompt");
        if (file.OutputEmbeddings.Count > 0) throw CannotHold(path, format, "embeddings at the output of the text encoder");
        if (file.HasTwoEncoders || file.InputEmbeddings.Count != 1 || !file.InputEmbeddings.TryGetValue(EmbeddingFile.FirstEncoder, out var vectors))
            throw CannotHold(path, format, "embeddings of two text encoders");
        return vectors;
    }

    static ConesException CannotHold(string path, EmbeddingFormat format, string what) =>
        new($"{path} cannot be written: the format {format} has no place for {what}; choose another");

    static Dictionary<string, object?> A1111Root(EmbeddingFile file, string path, KeyValuePair<string, Tensor> vectors)
    {
        var metadata = file.Metadata;

        // diffusers takes the name for the placeholder, so an embedding from elsewhere gets one.
        var name = file.Placeholder ?? (file.Format == EmbeddingFormat.A1111 ? null : Path.GetFileNameWithoutExtension(path));
        return new Dictionary<string, object?>
        {
            ["string_to_token"] = new Dictionary<string, object?> { [vectors.Key] = A1111Token },
            ["string_to_param"] = new Dictionary<string, object?> { [vectors.Key] = vectors.Value.clone().requires_grad_() },
            ["name"] = name,
            ["step"] = long.TryParse(metadata.GetValueOrDefault("step"), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var step) ? step : null,
            ["sd_checkpoint"] = metadata.GetValueOrDefault("sd_checkpoint"),
            ["sd_checkpoint_name"] = metadata.GetValueOrDefault("sd_checkpoint_name"),
        };
    }

    // Metadata of another format would lie; diffusers' own loader wants to know that PyTorch wrote the file.
    static IReadOnlyDictionary<string, string>? Metadata(EmbeddingFile file, EmbeddingFormat format)
    {
        var metadata = format == file.Format ? file.Metadata.Where(m => m.Key != TermKey).ToDictionary(m => m.Key, m => m.Value) : [];
        if (metadata.Count == 0 && format is EmbeddingFormat.Diffusers or EmbeddingFormat.PromptEmbeds) metadata["format"] = "pt";
        return metadata.Count > 0 ? metadata : null;
    }

    static bool IsSafetensors(string path, EmbeddingFormat format)
    {
        bool? safetensors = Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".safetensors" => true,
            ".pt" or ".bin" or ".pth" => false,
            _ => null,
        };
        var allowed = format switch
        {
            EmbeddingFormat.A1111 => ".pt",
            EmbeddingFormat.OneTrainer or EmbeddingFormat.PromptEmbeds => ".safetensors",
            _ => ".safetensors, .pt or .bin",
        };
        if (safetensors is null || (format == EmbeddingFormat.A1111 && safetensors.Value) || (allowed == ".safetensors" && !safetensors.Value))
            throw new ConesException($"{path} has no extension that files of the format {format} have: use {allowed}");
        return safetensors.Value;
    }

    static ScalarType StoredType(DType type) => type switch
    {
        DType.F16 => ScalarType.Float16,
        DType.BF16 => ScalarType.BFloat16,
        DType.F64 => ScalarType.Float64,
        _ => ScalarType.Float32,
    };
}
