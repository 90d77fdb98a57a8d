using Cones.Models.GroundingDino;
using Cones.Models.GroundingDino.Vision;

namespace Cones.Bench.Detection;

/// <summary>Floating-point operations (2 x multiply-adds) of a detection step from cached image features, counted from shapes.</summary>
/// <remarks>
/// Matrix products as the program does them: the fusion's projections of the image are folded into the text. Backward means
/// through activations: the weights are frozen, and what does not depend on the text needs no gradient. Products of small
/// tensors of the text alone are left out; attention among queries and sampling are counted apart.
/// </remarks>
sealed class GroundingDinoFlops
{
    public double Gemm { get; private set; }

    public double Attention { get; private set; }

    public double Sampling { get; private set; }

    public GroundingDinoFlops(GroundingDinoConfig c, IReadOnlyList<FeatureLevel> levels, long tokens)
    {
        var (positions, dim, queries) = (levels.Sum(l => l.Count), (long)c.DModel, (long)c.NumQueries);
        var fused = c.EncoderAttentionHeads / 2 * tokens;
        for (var layer = 0; layer < c.EncoderLayers; layer++)
        {
            // Scores, seen by the text, added to the image: forward once, backward twice, but once where the image needs no gradient.
            for (var product = 0; product < 3; product++) Linear(positions, dim, fused, layer == 0 && product < 2 ? 1 : 2);
            Deformable(positions, positions, dim, c.EncoderAttentionHeads, levels.Count * c.EncoderPoints, valueGradient: true);
            Linear(positions, dim, c.EncoderFfnDim, 1);
            Linear(positions, c.EncoderFfnDim, dim, 1);
        }

        // All positions are scored, the chosen ones are computed again with a gradient.
        Linear(positions, dim, dim, 0);
        Linear(positions, dim, tokens, 0);
        Linear(queries, dim, dim, 1);
        Boxes(queries, dim, 1);
        for (var layer = 0; layer < c.DecoderLayers; layer++)
        {
            Boxes(queries, dim, 0);
            Boxes(queries, dim, 1);
            Linear(queries, 2 * dim, dim, 0);
            Linear(queries, dim, dim, 0);
            for (var projection = 0; projection < 4; projection++) Linear(queries, dim, dim, layer == 0 ? 0 : 1);
            Attend(queries, queries, dim, layer > 0);
            for (var projection = 0; projection < 2; projection++) Linear(queries, dim, dim, 1);
            Attend(queries, tokens, dim, true);
            Deformable(queries, positions, dim, c.DecoderAttentionHeads, levels.Count * c.DecoderPoints, valueGradient: true);
            Linear(queries, dim, c.DecoderFfnDim, 1);
            Linear(queries, c.DecoderFfnDim, dim, 1);
            Linear(queries, dim, tokens, 2);
        }
    }

    void Deformable(long queries, long positions, long dim, long heads, long samples, bool valueGradient)
    {
        Linear(positions, dim, dim, valueGradient ? 1 : 0);
        Linear(queries, dim, heads * samples * 2, 1);
        Linear(queries, dim, heads * samples, 1);
        Linear(queries, dim, dim, 1);
        // Four corners of every sample, for each head's part of the channels: forward, products and sums backward.
        Sampling += 2.0 * 4 * queries * samples * dim * 3;
    }

    void Boxes(long rows, long dim, int backward)
    {
        Linear(rows, dim, dim, backward);
        Linear(rows, dim, dim, backward);
        Linear(rows, dim, 4, backward);
    }

    void Linear(long rows, long inFeatures, long outFeatures, int backward) => Gemm += 2.0 * rows * inFeatures * outFeatures * (1 + backward);

    void Attend(long queries, long keys, long dim, bool gradient) => Attention += 2.0 * queries * keys * dim * (gradient ? 6 : 2);
}
