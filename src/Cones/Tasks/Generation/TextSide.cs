using Cones.Models;
using Cones.Models.Clip;
using Cones.Models.Tokenizers;
using Cones.Models.Weights;
using Cones.Prompts;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>
/// The text side of a Stable Diffusion folder: one encoder (1.x, 2.x) or two (XL). The search makes its encodings once and
/// then lets go of it.
/// </summary>
public sealed class TextSide : IDisposable
{
    readonly List<(string TokenizerFolder, ClipTextModel Encoder)> _sides;

    TextSide(List<(string, ClipTextModel)> sides) => _sides = sides;

    /// <summary>Whether there are two encoders and a pooled embedding (SDXL).</summary>
    public bool IsXL => _sides.Count > 1;

    /// <summary>The (first) text encoder.</summary>
    public ClipTextModel Encoder => _sides[0].Encoder;

    /// <summary>Loads <c>text_encoder</c>, <c>tokenizer</c> and, where present, <c>text_encoder_2</c>, <c>tokenizer_2</c>.</summary>
    /// <exception cref="ConesException">A part is missing or broken.</exception>
    public static TextSide FromFolder(string folder, LoadOptions? options = null)
    {
        var sides = new List<(string, ClipTextModel)>();
        foreach (var suffix in (string[])["", "_2"])
        {
            var encoder = Path.Combine(folder, "text_encoder" + suffix);
            if (suffix.Length > 0 && !Directory.Exists(encoder)) continue;
            sides.Add((Path.Combine(folder, "tokenizer" + suffix), ClipTextModel.FromFolder(encoder, options)));
        }

        return new TextSide(sides);
    }

    /// <summary>A fresh tokenizer of the first encoder.</summary>
    public ClipTokenizer NewTokenizer() => ClipTokenizer.FromFolder(_sides[0].TokenizerFolder);

    /// <summary>Encodes prompts that may hold placeholders.</summary>
    /// <param name="prompts">M written prompts.</param>
    /// <param name="placeholders">The placeholders; their slots hold the encodings of their base words.</param>
    /// <param name="inputs">
    /// For each placeholder vectors [n, D] that take the place of its words at the (first) encoder's input (textual
    /// inversion), or null.
    /// </param>
    public EncodedPrompts Encode(IReadOnlyList<string> prompts, IReadOnlyList<Placeholder> placeholders, IReadOnlyList<Tensor?>? inputs = null)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        PlacedPrompt[]? placed = null;
        var parts = new List<Tensor>();
        Tensor? pooled = null;
        foreach (var (folder, encoder) in _sides)
        {
            var tokenizer = new PlaceholderTokenizer(ClipTokenizer.FromFolder(folder), placeholders);
            var rows = prompts.Select(tokenizer.Encode).ToArray();
            placed ??= rows;
            var batches = rows.Chunk(8).Select(chunk => EncodeBatch(encoder, chunk, inputs)).ToArray();
            parts.Add(cat([.. batches.Select(b => b.Embeddings)], 0)); // [M, T, D of this encoder]
            if (IsXL && batches[0].Pooled is not null) pooled = cat([.. batches.Select(b => b.Pooled!)], 0); // [M, P]
        }

        return new EncodedPrompts(
            (parts.Count == 1 ? parts[0] : cat(parts, -1)).DetachFromDisposeScope(), // [M, T, D1 + D2]
            pooled?.DetachFromDisposeScope(),
            placed!);
    }

    /// <summary>Encodes templates with one placeholder, for a search.</summary>
    /// <exception cref="ConesException">A template is too long for its placeholder.</exception>
    public TemplateEncodings EncodeTemplates(IReadOnlyList<string> templates, Placeholder placeholder)
    {
        string[] prompts = [.. templates.Select(t => PromptTemplates.Fill(t, placeholder.Name))];
        using var encoded = Encode(prompts, [placeholder]);
        for (var i = 0; i < prompts.Length; i++)
            if (encoded.Prompts[i].Slots[0].Length != placeholder.Slots)
                throw new ConesException($"the template '{templates[i]}' is too long for {placeholder.Slots} slots, or names its concept more than once");
        using var scope = NewDisposeScope();
        long[] slots = [.. encoded.Prompts.SelectMany(p => p.Slots[0]).Select(s => (long)s)];
        return new TemplateEncodings(templates, encoded.Embeddings, tensor(slots).reshape(prompts.Length, placeholder.Slots), encoded.Pooled);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, encoder) in _sides) encoder.Dispose();
    }

    (Tensor Embeddings, Tensor? Pooled) EncodeBatch(ClipTextModel encoder, PlacedPrompt[] prompts, IReadOnlyList<Tensor?>? inputs)
    {
        using var scope = NewDisposeScope();
        var length = prompts[0].Ids.Length;
        var ids = tensor([.. prompts.SelectMany(p => p.Ids).Select(i => (long)i)]).reshape(prompts.Length, length);
        ids = ids.to(encoder.TokenTable.device);
        var embedded = encoder.Embed(ids);
        for (var p = 0; inputs is not null && p < inputs.Count; p++)
            if (inputs[p] is { } vectors) embedded = Inject(embedded, prompts, p, vectors);
        var output = encoder.ForwardFromEmbeddings(embedded, ids);
        // SDXL takes the last layer but one of both encoders, not normalised.
        var embeddings = IsXL ? output.HiddenStates[^2] : output.LastHiddenState;
        return (embeddings.MoveToOuterDisposeScope(), output.TextEmbeds?.MoveToOuterDisposeScope());
    }

    // Row by row: a prompt may hold the placeholder never, once or several times.
    static Tensor Inject(Tensor embedded, PlacedPrompt[] prompts, int placeholder, Tensor vectors)
    {
        var count = (int)vectors.shape[0];
        var result = embedded.clone();
        for (var row = 0; row < prompts.Length; row++)
        {
            var slots = prompts[row].Slots[placeholder];
            for (var i = 0; i < slots.Length; i++) result[row, slots[i]] = vectors[i % count];
        }

        return result;
    }
}

/// <summary>Encoded prompts.</summary>
/// <param name="Embeddings">[M, T, D].</param>
/// <param name="Pooled">[M, P] for SDXL, or null.</param>
/// <param name="Prompts">The ids and slots of each prompt.</param>
public sealed record EncodedPrompts(Tensor Embeddings, Tensor? Pooled, IReadOnlyList<PlacedPrompt> Prompts) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Embeddings.Dispose();
        Pooled?.Dispose();
    }
}
