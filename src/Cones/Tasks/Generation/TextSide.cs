using Cones.Models;
using Cones.Models.Clip;
using Cones.Models.StableDiffusion.Pipelines;
using Cones.Models.Tokenizers;
using Cones.Models.Weights;
using Cones.Prompts;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Generation;

/// <summary>
/// The text side of a Stable Diffusion folder: one encoder (1.x, 2.x) or two (XL). The search makes its encodings once and
/// then lets go of it. What it hands out is float32, whatever the encoders' weights are.
/// </summary>
public sealed class TextSide : IDisposable
{
    readonly string _folder;
    readonly List<(string TokenizerFolder, ClipTextModel Encoder)> _sides;

    TextSide(string folder, List<(string, ClipTextModel)> sides) => (_folder, _sides) = (folder, sides);

    /// <summary>Whether there are two encoders and a pooled embedding (SDXL).</summary>
    public bool IsXL => _sides.Count > 1;

    /// <summary>The text encoders.</summary>
    public IReadOnlyList<ClipTextModel> Encoders => [.. _sides.Select(s => s.Encoder)];

    /// <summary>The (first) text encoder.</summary>
    public ClipTextModel Encoder => _sides[0].Encoder;

    Device Device => Encoder.TokenTable.device;

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

        return new TextSide(folder, sides);
    }

    /// <summary>A fresh tokenizer of the first encoder.</summary>
    public ClipTokenizer NewTokenizer() => ClipTokenizer.FromFolder(_sides[0].TokenizerFolder);

    /// <summary>Tokenizes prompts for every encoder.</summary>
    /// <returns>For each encoder a row for each prompt.</returns>
    public IReadOnlyList<PlacedPrompt[]> Place(IReadOnlyList<string> prompts, IReadOnlyList<Placeholder> placeholders) =>
        [.. _sides.Select(side =>
        {
            var tokenizer = new PlaceholderTokenizer(ClipTokenizer.FromFolder(side.TokenizerFolder), placeholders);
            return prompts.Select(tokenizer.Encode).ToArray();
        })];

    /// <summary>Encodes prompts that may hold placeholders.</summary>
    /// <param name="prompts">M written prompts.</param>
    /// <param name="placeholders">The placeholders; their slots hold the encodings of their base words.</param>
    /// <param name="inputs">
    /// For each placeholder vectors [n, D] that take the place of its words at the encoders' inputs (textual inversion; of two
    /// encoders the vectors lie side by side), or null.
    /// </param>
    public EncodedPrompts Encode(IReadOnlyList<string> prompts, IReadOnlyList<Placeholder> placeholders, IReadOnlyList<Tensor?>? inputs = null)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var placed = Place(prompts, placeholders);
        var parts = new List<Tensor>();
        Tensor? pooled = null;
        var first = 0L;
        foreach (var (rows, encoder) in placed.Zip(Encoders))
        {
            var width = encoder.Config.HiddenSize;
            Tensor?[]? vectors = inputs is null ? null : [.. inputs.Select(v => v?.to(Device).narrow(1, first, width))];
            var batches = rows.Chunk(8).Select(chunk => EncodeBatch(encoder, chunk, vectors)).ToArray();
            parts.Add(cat([.. batches.Select(b => b.Embeddings)], 0)); // [M, T, D of this encoder]
            if (IsXL && batches[0].Pooled is not null) pooled = cat([.. batches.Select(b => b.Pooled!)], 0); // [M, P]
            first += width;
        }

        return new EncodedPrompts(
            (parts.Count == 1 ? parts[0] : cat(parts, -1)).DetachFromDisposeScope(), // [M, T, D1 + D2]
            pooled?.DetachFromDisposeScope(),
            placed[0]);
    }

    /// <summary>Encodes templates with one placeholder, for a search.</summary>
    /// <param name="templates">Prompts with <c>{}</c>.</param>
    /// <param name="placeholder">What stands there.</param>
    /// <param name="input">Vectors at the encoders' inputs, as in <see cref="Encode"/>, or null.</param>
    /// <exception cref="ConesException">A template is too long for its placeholder.</exception>
    public TemplateEncodings EncodeTemplates(IReadOnlyList<string> templates, Placeholder placeholder, Tensor? input = null)
    {
        string[] prompts = [.. templates.Select(t => PromptTemplates.Fill(t, placeholder.Name))];
        using var encoded = Encode(prompts, [placeholder], input is null ? null : [input]);
        using var scope = NewDisposeScope();
        return new TemplateEncodings(templates, encoded.Embeddings, SlotsOf(templates, encoded.Prompts, placeholder).to(Device), encoded.Pooled);
    }

    /// <summary>The slots of a placeholder in templates, [M, n] int64.</summary>
    /// <exception cref="ConesException">A template is too long for them, or names the placeholder more than once.</exception>
    internal static Tensor SlotsOf(IReadOnlyList<string> templates, IReadOnlyList<PlacedPrompt> rows, Placeholder placeholder)
    {
        for (var i = 0; i < rows.Count; i++)
            if (rows[i].Slots[0].Length != placeholder.Slots)
                throw new ConesException($"the template '{templates[i]}' (the model's own, of --templates, or the .txt beside a picture) is too long for the model with {placeholder.Slots} slot{(placeholder.Slots == 1 ? "" : "s")} ('{placeholder.BaseText}'), or names its concept more than once: shorten it, or the words (--init), or ask for fewer slots (--slots)");
        long[] slots = [.. rows.SelectMany(p => p.Slots[0]).Select(s => (long)s)];
        return tensor(slots).reshape(rows.Count, placeholder.Slots);
    }

    /// <summary>What guidance moves away from, one row; the caller disposes it.</summary>
    /// <param name="words">The negative prompt, or null for none: then zeros where an XL model says so, else an empty text.</param>
    /// <param name="like">The conditioning that it is for.</param>
    public TextConditioning EncodeNegative(string? words, TextConditioning like)
    {
        using var noGrad = no_grad();
        if (words is null && IsXL && ZerosForNoPrompt())
        {
            using var scope = NewDisposeScope();
            return new TextConditioning(zeros_like(like.Embeds[..1]).DetachFromDisposeScope(), like.Pooled is { } pooled ? zeros_like(pooled[..1]).DetachFromDisposeScope() : null);
        }

        var encoded = Encode([words ?? ""], []);
        return new TextConditioning(encoded.Embeddings, encoded.Pooled);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, encoder) in _sides) encoder.Dispose();
    }

    // Folders of parts without an index behave as the library's default.
    bool ZerosForNoPrompt() => !File.Exists(Path.Combine(_folder, "model_index.json")) || ModelIndex.FromFolder(_folder).ForceZerosForEmptyPrompt;

    (Tensor Embeddings, Tensor? Pooled) EncodeBatch(ClipTextModel encoder, PlacedPrompt[] prompts, IReadOnlyList<Tensor?>? inputs)
    {
        using var scope = NewDisposeScope();
        var length = prompts[0].Ids.Length;
        var ids = tensor([.. prompts.SelectMany(p => p.Ids).Select(i => (long)i)]).reshape(prompts.Length, length).to(Device);
        var embedded = encoder.Embed(ids);
        for (var p = 0; inputs is not null && p < inputs.Count; p++)
            if (inputs[p] is { } vectors) embedded = Inject(embedded, prompts, p, vectors);
        var output = encoder.ForwardFromEmbeddings(embedded, ids);
        // SDXL takes the last layer but one of both encoders, not normalised.
        var embeddings = IsXL ? output.HiddenStates[^2] : output.LastHiddenState;
        return (
            embeddings.to(ScalarType.Float32).MoveToOuterDisposeScope(),
            output.TextEmbeds?.to(ScalarType.Float32).MoveToOuterDisposeScope());
    }

    // Row by row: a prompt may hold the placeholder never, once or several times.
    static Tensor Inject(Tensor embedded, PlacedPrompt[] prompts, int placeholder, Tensor vectors)
    {
        var count = (int)vectors.shape[0];
        var result = embedded.to(ScalarType.Float32).clone();
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
