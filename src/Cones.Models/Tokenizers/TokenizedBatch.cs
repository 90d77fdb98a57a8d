using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tokenizers;

/// <summary>Several texts of one length, as a model takes them.</summary>
/// <param name="texts">Texts of equal length, at least one.</param>
public sealed class TokenizedBatch(IReadOnlyList<TokenizedText> texts)
{
    /// <summary>The texts.</summary>
    public IReadOnlyList<TokenizedText> Texts { get; } = texts;

    /// <summary>Slots of each text.</summary>
    public int Length => Texts[0].Ids.Count;

    /// <summary>The ids in a new tensor <c>[B, T]</c>, int64.</summary>
    /// <param name="device">Where to put it; the CPU by default.</param>
    public Tensor Ids(Device? device = null) => ToTensor(t => t.Ids, device);

    /// <summary>The attention masks in a new tensor <c>[B, T]</c>, int64: 1 for the sequence, 0 for padding.</summary>
    /// <param name="device">Where to put it; the CPU by default.</param>
    public Tensor AttentionMask(Device? device = null) => ToTensor(t => t.AttentionMask, device);

    Tensor ToTensor(Func<TokenizedText, IReadOnlyList<int>> row, Device? device)
    {
        var values = Texts.SelectMany(t => row(t).Select(v => (long)v)).ToArray();
        return tensor(values, [Texts.Count, Length], ScalarType.Int64, device ?? CPU); // [B, T]
    }
}
