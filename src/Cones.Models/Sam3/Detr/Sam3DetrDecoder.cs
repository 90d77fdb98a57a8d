using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3.Detr;

/// <summary>What the decoder says after each of its L layers.</summary>
/// <param name="Queries">[L, B, Q, C], normed.</param>
/// <param name="References">The boxes that each layer started from, [L, B, Q, 4] (centre, width, height).</param>
/// <param name="Boxes">The boxes it found, [L, B, Q, 4] (centre, width, height).</param>
/// <param name="Presence">[L, B, 1], logits between -10 and 10.</param>
sealed record Sam3DecoderOutput(Tensor Queries, Tensor References, Tensor Boxes, Tensor Presence);

/// <summary>Finds objects: queries with boxes that are refined layer by layer, and a token that says whether there is any (<c>Sam3DetrDecoder</c>).</summary>
sealed class Sam3DetrDecoder : Module
{
    const double PresenceLimit = 10;

    readonly ModuleList<Sam3DecoderLayer> _layers;
    readonly LayerNorm _norm;
    readonly Sam3DecoderMlp _boxHead;
    readonly Embedding _queries;
    readonly Embedding _references;
    readonly Embedding _presenceToken;
    readonly Sam3DecoderMlp _presenceHead;
    readonly LayerNorm _presenceNorm;
    readonly Sam3DecoderMlp _placeHead;
    readonly Sam3BoxBias _boxBias;
    readonly int _dim;

    public Sam3DetrDecoder(Sam3LayersConfig c, int queries)
    {
        _dim = c.HiddenSize;
        _layers = Add("layers", new ModuleList<Sam3DecoderLayer>(Enumerable.Range(0, c.NumLayers).Select(_ => new Sam3DecoderLayer(c))));
        _norm = Add("output_layer_norm", new LayerNorm(_dim));
        _boxHead = Add("box_head", new Sam3DecoderMlp(_dim, _dim, 4, 3));
        _queries = Add("query_embed", new Embedding(queries, _dim));
        _references = Add("reference_points", new Embedding(queries, 4));
        _presenceToken = Add("presence_token", new Embedding(1, _dim));
        _presenceHead = Add("presence_head", new Sam3DecoderMlp(_dim, _dim, 1, 3));
        _presenceNorm = Add("presence_layer_norm", new LayerNorm(_dim));
        _placeHead = Add("ref_point_head", new Sam3DecoderMlp(2 * _dim, _dim, _dim, 2));
        _boxBias = new Sam3BoxBias(
            Add("box_rpb_embed_x", new Sam3DecoderMlp(2, _dim, c.NumAttentionHeads, 2)),
            Add("box_rpb_embed_y", new Sam3DecoderMlp(2, _dim, c.NumAttentionHeads, 2)));
    }

    /// <summary>The type of the weights.</summary>
    public ScalarType DType => _queries.Table.dtype;

    /// <summary>The device of the weights.</summary>
    public Device Device => _queries.Table.device;

    /// <summary>Searches an image [B, S, C] of height · width tokens with positions [1, S, C] for what a prompt [B, L, C] says.</summary>
    public Sam3DecoderOutput Forward(Tensor image, Tensor positions, (long Height, long Width) grid, (Tensor Tokens, Tensor? Mask) prompt)
    {
        using var scope = NewDisposeScope();
        var batch = image.shape[0];
        var placed = image + positions;
        var x = cat([_presenceToken.Table, _queries.Table]).expand(batch, -1, -1); // [B, 1 + Q, C]
        var reference = _references.Table.to(ScalarType.Float32).sigmoid().expand(batch, -1, -1); // [B, Q, 4]; boxes are float32 always
        List<Tensor> queries = [], references = [], boxes = [], presence = [];
        foreach (var layer in _layers)
        {
            // A layer learns nothing from what its boxes do to the next one's inputs; the result's boxes pass gradients through.
            var start = references.Count == 0 ? reference : reference.detach();
            var places = nn.functional.pad(_placeHead.Forward(Encode(start)), [0, 0, 1, 0]); // [B, 1 + Q, C]
            x = layer.Forward(x, places, prompt, (image, placed, _boxBias.Forward(start, grid.Height, grid.Width, x.dtype)));

            var found = _norm.Forward(x.narrow(1, 1, x.shape[1] - 1)); // [B, Q, C]
            var offset = _boxHead.Forward(found).to(ScalarType.Float32); // [B, Q, 4]
            queries.Add(found);
            references.Add(reference);
            boxes.Add((Sam3Boxes.InverseSigmoid(reference) + offset).sigmoid());
            presence.Add(_presenceHead.Forward(_presenceNorm.Forward(x.narrow(1, 0, 1))).squeeze(-1).clamp(-PresenceLimit, PresenceLimit)); // [B, 1]
            reference = (Sam3Boxes.InverseSigmoid(start) + offset).sigmoid();
        }

        var output = new Sam3DecoderOutput(stack(queries), stack(references), stack(boxes), stack(presence));
        scope.MoveToOuter(output.Queries, output.References, output.Boxes, output.Presence);
        return output;
    }

    // Row before column, then width and height: [B, Q, 4] -> [B, Q, 2 C].
    Tensor Encode(Tensor boxes)
    {
        var order = tensor(new long[] { 1, 0, 2, 3 }, device: boxes.device);
        return Sam3SinePositions.Encode(boxes.index_select(-1, order), _dim / 2).flatten(2).to(DType);
    }
}
