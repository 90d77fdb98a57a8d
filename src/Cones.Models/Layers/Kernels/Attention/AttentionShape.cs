namespace Cones.Models.Layers.Kernels.Attention;

/// <summary>The sizes of one attention: everything lies as [B, N, H, d] in memory.</summary>
/// <param name="Batch">B.</param>
/// <param name="Queries">N of queries and outputs.</param>
/// <param name="Keys">N of keys and values.</param>
/// <param name="Heads">H.</param>
/// <param name="HeadDim">d.</param>
/// <param name="Scale">What scores are multiplied by.</param>
readonly record struct AttentionShape(long Batch, long Queries, long Keys, long Heads, long HeadDim, double Scale)
{
    /// <summary>From token to token.</summary>
    public long Stride => Heads * HeadDim;

    /// <summary>d, rounded up to what tiles are wide.</summary>
    public long PaddedDim => (HeadDim + 15) / 16 * 16;
}
