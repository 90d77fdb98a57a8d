using static TorchSharp.torch;

namespace Cones.Models.Glip.Text;

/// <summary>
/// Captions as the head takes them. Whoever searches for better embeddings replaces <see cref="Hidden"/>: it is all that the
/// head takes from the text.
/// </summary>
/// <param name="Hidden">[B, T, L], the text encoder's output. Slots of padding hold numbers too, which nothing reads.</param>
/// <param name="Mask">[B, T], int64, 0 for slots that nothing may attend to.</param>
/// <param name="Tokens">The tokens of each caption.</param>
public sealed record GlipText(Tensor Hidden, Tensor Mask, IReadOnlyList<GlipTokens> Tokens) : IDisposable
{
    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Hidden.Dispose();
        Mask.Dispose();
    }
}
