using Cones.Models.Clip;
using Cones.Models.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.Pipelines;

/// <summary>A tokenizer and the text encoder it was made for.</summary>
/// <param name="tokenizer">The tokenizer.</param>
/// <param name="encoder">The encoder; this object owns it.</param>
public sealed class PromptEncoder(ClipTokenizer tokenizer, ClipTextModel encoder) : IDisposable
{
    /// <summary>The tokenizer.</summary>
    public ClipTokenizer Tokenizer { get; } = tokenizer;

    /// <summary>The encoder.</summary>
    public ClipTextModel Encoder { get; } = encoder;

    /// <summary>Runs the encoder on texts that are cut or padded to the tokenizer's length.</summary>
    /// <param name="texts">B texts.</param>
    /// <param name="warnings">Gets a sentence for each text that was cut.</param>
    /// <returns>Hidden states [B, T, D].</returns>
    public ClipTextOutput Encode(IReadOnlyList<string> texts, ICollection<string> warnings)
    {
        var batch = Tokenizer.TokenizeBatch(texts);
        foreach (var text in batch.Texts)
        {
            if (text.Truncated is not { } rest) continue;
            var warning = $"the prompt is longer than {Tokenizer.MaxLength} tokens: '{rest.Trim()}' was left out";
            if (!warnings.Contains(warning)) warnings.Add(warning);
        }

        using var ids = batch.Ids(Encoder.TokenTable.device);
        return Encoder.Forward(ids);
    }

    /// <summary>Frees the encoder.</summary>
    public void Dispose() => Encoder.Dispose();
}
