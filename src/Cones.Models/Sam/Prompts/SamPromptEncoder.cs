using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam.Prompts;

/// <summary>Embeds points, boxes and masks (<c>SamPromptEncoder</c>; Kirillov et al. 2023, section 3).</summary>
sealed class SamPromptEncoder : Module
{
    readonly SamPromptEncoderConfig _config;
    readonly SamPositionalEmbedding _positions;
    readonly SamMaskEmbedding _masks;
    readonly Embedding _noMask;
    readonly ModuleList<Embedding> _points;
    readonly Embedding _noPoint;

    /// <summary>An encoder that shares the model's position encoding.</summary>
    public SamPromptEncoder(SamPromptEncoderConfig c, SamPositionalEmbedding positions)
    {
        _config = c;
        _positions = positions;
        _masks = Add("mask_embed", new SamMaskEmbedding(c));
        _noMask = Add("no_mask_embed", new Embedding(1, c.HiddenSize));
        _points = Add("point_embed", new ModuleList<Embedding>(Enumerable.Range(0, c.NumPointEmbeddings).Select(_ => new Embedding(1, c.HiddenSize))));
        _noPoint = Add("not_a_point_embed", new Embedding(1, c.HiddenSize));
    }

    /// <summary>Maps prompts to sparse [B, P, N, C], null where there are neither points nor boxes, and dense [B, C, h, w].</summary>
    public SamPromptEmbeddings Forward(SamPrompts prompts)
    {
        using var scope = NewDisposeScope();
        var parts = new List<Tensor>();
        // Without a box one point that is none ends the sequence, as in training.
        if (prompts.Points is not null) parts.Add(Points(prompts.Points, prompts.Labels, padded: prompts.Boxes is null));
        if (prompts.Boxes is not null) parts.Add(Corners(prompts.Boxes));
        var sparse = parts.Count == 0 ? null : cat(parts, dim: 2);
        return new SamPromptEmbeddings(sparse?.MoveToOuterDisposeScope(), Dense(prompts.Masks, sparse?.shape[0] ?? 1).MoveToOuterDisposeScope());
    }

    // [B, P, N, 2], [B, P, N] -> [B, P, N or N + 1, C]
    Tensor Points(Tensor points, Tensor? given, bool padded)
    {
        var labels = given?.to(ScalarType.Int64) ?? ones([.. points.shape.SkipLast(1)], ScalarType.Int64, points.device) * SamPrompts.Foreground;
        if (padded)
        {
            points = nn.functional.pad(points, [0, 0, 0, 1]);
            labels = nn.functional.pad(labels, [0, 1], value: SamPrompts.NoPoint);
        }

        var places = Places(points);
        var kinds = labels.unsqueeze(-1); // [B, P, N, 1]
        var embeds = where(kinds.eq(SamPrompts.NoPoint), _noPoint.Table, places);
        embeds = embeds.masked_fill(kinds.eq(SamPrompts.Padding), 0);
        embeds = where(kinds.eq(SamPrompts.Background), embeds + _points[0].Table, embeds);
        return where(kinds.eq(SamPrompts.Foreground), embeds + _points[1].Table, embeds);
    }

    // [B, P, 4] -> [B, P, 2, C]
    Tensor Corners(Tensor boxes)
    {
        var corners = boxes.reshape(boxes.shape[0], boxes.shape[1], 2, 2); // [B, P, corner, (x, y)]
        return Places(corners) + cat([_points[2].Table, _points[3].Table]);
    }

    // A pixel's place is its middle.
    Tensor Places(Tensor pixels) => _positions.Forward((pixels.to(ScalarType.Float32) + 0.5) / _config.ImageSize, _noPoint.Table.dtype);

    Tensor Dense(Tensor? masks, long batch) =>
        masks is null
            ? _noMask.Table.view(1, -1, 1, 1).expand(batch, -1, _config.MaskSize / 4, _config.MaskSize / 4) // [1, C] -> [B, C, h, w]
            : _masks.Forward(masks.to(_noMask.Table.dtype));
}
