using Cones.Models.GroundingDino.Vision;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Decoder;

/// <summary>
/// Language-guided query selection: the encoder's positions that fit the text best become the queries' first boxes
/// (arXiv 2303.05499, section 3.3); or learned boxes do, in a model of one stage.
/// </summary>
sealed class QuerySelection : Module
{
    readonly Linear? _output;
    readonly LayerNorm? _norm;
    readonly PredictionMlp? _boxHead;
    readonly ContrastiveHead? _classHead;
    readonly Weight? _learnedBoxes;
    readonly Weight? _learnedContent;
    readonly int _queries;

    public QuerySelection(GroundingDinoConfig c)
    {
        _queries = c.NumQueries;
        if (c.LearnedQueries) _learnedContent = AddWeight("query_position_embeddings.weight", c.NumQueries, c.DModel);
        if (!c.TwoStage)
        {
            _learnedBoxes = AddWeight("reference_points.weight", c.NumQueries, 4);
            return;
        }

        _output = Add("enc_output", new Linear(c.DModel, c.DModel));
        _norm = Add("enc_output_norm", new LayerNorm(c.DModel, c.LayerNormEps));
        _boxHead = Add("encoder_output_bbox_embed", PredictionMlp.OfBoxes(c.DModel));
        _classHead = Add("encoder_output_class_embed", new ContrastiveHead(c.ScaledClassHeads, "bias"));
    }

    /// <summary>Selects.</summary>
    /// <param name="vision">[B, N, D], from the encoder.</param>
    /// <param name="image">The geometry of the features.</param>
    /// <param name="text">[B, T, D], from the encoder.</param>
    /// <param name="textPadding">[B, T], bool: true for padding; null for none.</param>
    /// <param name="keepAll">Whether the scores and boxes of all N positions are kept as well.</param>
    /// <returns>The queries' content, [B, Q, D], their boxes, [B, Q, 4], and what was proposed (null in a model of one stage).</returns>
    /// <exception cref="ArgumentException">The image has fewer positions than there are queries.</exception>
    public (Tensor Content, Tensor Boxes, EncoderProposals? Proposals) Forward(Tensor vision, ImageFeatures image, Tensor text, Tensor? textPadding, bool keepAll)
    {
        using var scope = NewDisposeScope();
        var batch = vision.shape[0];
        if (_learnedBoxes is not null)
        {
            var learned = _learnedBoxes.Value.to(ScalarType.Float32).sigmoid().unsqueeze(0).expand(batch, -1, -1);
            return (Content(batch).MoveToOuterDisposeScope(), learned.MoveToOuterDisposeScope(), null);
        }

        var (proposals, usable) = FeatureGrid.Proposals(image.Levels, image.Padding, batch, vision.device);
        var unusable = usable.logical_not();
        var (indices, allLogits, allBoxes) = Best(vision, unusable, proposals, text, textPadding, keepAll);

        // Only the chosen positions carry a gradient, so only they are computed with one.
        var rows = indices.unsqueeze(-1); // [B, Q, 1]
        var objects = Objects(
            vision.gather(1, rows.expand(-1, -1, vision.shape[2])),
            unusable.expand(batch, -1, -1).gather(1, rows)); // [B, Q, D]
        var logits = _classHead!.Forward(objects, text, textPadding); // [B, Q, T]
        var boxes = (_boxHead!.Forward(objects) + proposals.expand(batch, -1, -1).gather(1, rows.expand(-1, -1, 4))).sigmoid(); // [B, Q, 4]
        var content = _learnedContent is null ? objects.detach() : Content(batch);
        return (
            content.MoveToOuterDisposeScope(),
            boxes.detach().MoveToOuterDisposeScope(),
            new EncoderProposals(indices, logits, boxes, allLogits, allBoxes).MoveToOuterDisposeScope());
    }

    /// <summary>Each position as an object; those that cannot be chosen are zeroed first.</summary>
    /// <param name="vision">[B, n, D].</param>
    /// <param name="unusable">[B or 1, n, 1], bool.</param>
    /// <returns>[B, n, D].</returns>
    public Tensor Objects(Tensor vision, Tensor unusable)
    {
        using var scope = NewDisposeScope();
        return _norm!.Forward(_output!.Forward(vision.masked_fill(unusable, 0))).MoveToOuterDisposeScope();
    }

    // The positions of the highest scores over all tokens, best first, [B, Q].
    (Tensor Indices, Tensor? Logits, Tensor? Boxes) Best(Tensor vision, Tensor unusable, Tensor proposals, Tensor text, Tensor? textPadding, bool keepAll)
    {
        if (vision.shape[1] < _queries)
            throw new ArgumentException($"the images have {vision.shape[1]} feature positions, but the model selects {_queries} queries among them: give larger images");
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var objects = Objects(vision, unusable);
        var logits = _classHead!.Forward(objects, text, textPadding); // [B, N, T]
        var (_, indices) = logits.amax([-1]).topk(_queries, 1);
        return (
            indices.MoveToOuterDisposeScope(),
            keepAll ? logits.MoveToOuterDisposeScope() : null,
            keepAll ? (_boxHead!.Forward(objects) + proposals).MoveToOuterDisposeScope() : null);
    }

    // The queries' learned content by rank, [B, Q, D].
    Tensor Content(long batch) => _learnedContent!.Value.unsqueeze(0).expand(batch, -1, -1);
}
