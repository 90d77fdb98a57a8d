using Cones.Models;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Concepts.Formats;

/// <summary>Learned text embeddings in the file of another program. Owns its tensors, all float32 on the CPU.</summary>
public sealed class EmbeddingFile : IDisposable
{
    /// <summary>The only text encoder of SD 1.x and 2.x, the CLIP-L one of SDXL.</summary>
    public const string FirstEncoder = "text_encoder";

    /// <summary>The OpenCLIP one of SDXL.</summary>
    public const string SecondEncoder = "text_encoder_2";

    /// <summary>The format.</summary>
    public required EmbeddingFormat Format { get; init; }

    /// <summary>The placeholder (diffusers) or the embedding's name (A1111); null where the format has none.</summary>
    public string? Placeholder { get; init; }

    /// <summary>By <see cref="FirstEncoder"/> and <see cref="SecondEncoder"/>: rows of the token embeddings, [n, dim].</summary>
    public IReadOnlyDictionary<string, Tensor> InputEmbeddings { get; init; } = new Dictionary<string, Tensor>();

    /// <summary>By <see cref="FirstEncoder"/> and <see cref="SecondEncoder"/>: slots of the encoders' output, [n, dim].</summary>
    public IReadOnlyDictionary<string, Tensor> OutputEmbeddings { get; init; } = new Dictionary<string, Tensor>();

    /// <summary>A whole encoded prompt, for <see cref="EmbeddingFormat.PromptEmbeds"/> only.</summary>
    public PromptEmbeddings? Prompt { get; init; }

    /// <summary>
    /// The file's own text. For A1111: <c>step</c>, <c>sd_checkpoint</c>, <c>sd_checkpoint_name</c>, as far as there is any.
    /// </summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>The type in which the file keeps the numbers: F32, F16, BF16 or F64.</summary>
    public DType StoredType { get; init; } = DType.F32;

    /// <summary>Whether two encoders are named (SDXL).</summary>
    public bool HasTwoEncoders { get; init; }

    /// <summary>Reads a file of any of the formats, found from its content.</summary>
    /// <exception cref="ConesException">It cannot be read or holds no embeddings that are known.</exception>
    public static EmbeddingFile Read(string path) => EmbeddingReader.Read(path);

    /// <summary>Writes the embeddings, atomically; the extension decides between safetensors and PyTorch.</summary>
    /// <param name="path">The file to make or to replace: <c>.safetensors</c>, or <c>.pt</c> and <c>.bin</c>.</param>
    /// <param name="format">The format; null for <see cref="Format"/>.</param>
    /// <exception cref="ConesException">The format cannot hold these embeddings or not under this extension, or the file cannot be written.</exception>
    public void Write(string path, EmbeddingFormat? format = null) => EmbeddingWriter.Write(this, path, format ?? Format);

    /// <summary>The tensors under the keys that <paramref name="format"/> has for them; not copies.</summary>
    /// <param name="path">The file that they are for, for messages.</param>
    /// <param name="format">The format; null for <see cref="Format"/>.</param>
    /// <exception cref="ConesException">The format cannot hold all of them.</exception>
    public IReadOnlyDictionary<string, Tensor> ToTensors(string path, EmbeddingFormat? format = null) => EmbeddingWriter.Tensors(this, path, format ?? Format);

    internal IEnumerable<Tensor> Tensors => InputEmbeddings.Values.Concat(OutputEmbeddings.Values).Concat(Prompt?.ToDictionary().Values ?? []);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in Tensors) tensor.Dispose();
    }
}
