using Cones.Models.Layers;
using Cones.Models.Sam3.Detr;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3.Geometry;

/// <summary>Makes prompt tokens of boxes: coordinates, what the image shows inside, and whether it is wanted (<c>Sam3GeometryEncoder</c>).</summary>
sealed class Sam3GeometryEncoder : Module
{
    readonly Embedding _labels;
    readonly Embedding _class;
    readonly Linear _coordinates;
    readonly Conv2d _pooled;
    readonly Linear _places;
    readonly LayerNorm _imageNorm;
    readonly Linear _finalProj;
    readonly LayerNorm _promptNorm;
    readonly ModuleList<Sam3EncoderLayer> _layers;
    readonly LayerNorm _outputNorm;
    readonly int _dim;
    readonly int _roiSize;

    public Sam3GeometryEncoder(Sam3LayersConfig c, int roiSize)
    {
        (_dim, _roiSize) = (c.HiddenSize, roiSize);
        _labels = Add("label_embed", new Embedding(2, _dim));
        _class = Add("cls_embed", new Embedding(1, _dim));
        _coordinates = Add("boxes_direct_project", new Linear(4, _dim));
        _pooled = Add("boxes_pool_project", new Conv2d(_dim, _dim, roiSize));
        _places = Add("boxes_pos_enc_project", new Linear(_dim + 2, _dim));
        _imageNorm = Add("vision_layer_norm", new LayerNorm(_dim));
        _finalProj = Add("final_proj", new Linear(_dim, _dim));
        _promptNorm = Add("prompt_layer_norm", new LayerNorm(_dim));
        _layers = Add("layers", new ModuleList<Sam3EncoderLayer>(Enumerable.Range(0, c.NumLayers).Select(_ => new Sam3EncoderLayer(c))));
        _outputNorm = Add("output_layer_norm", new LayerNorm(_dim));
    }

    /// <summary>Maps N boxes an image to N + 1 tokens.</summary>
    /// <param name="prompts">The boxes.</param>
    /// <param name="map">The image, [B, C, H, W].</param>
    /// <param name="positions">The positions of its tokens, [1, H W, C].</param>
    /// <returns>Tokens [B, N + 1, C] and where they are valid, bool [B, N + 1].</returns>
    public (Tensor Tokens, Tensor Mask) Forward(Sam3BoxPrompts prompts, Tensor map, Tensor positions)
    {
        using var scope = NewDisposeScope();
        var labels = prompts.Labels?.to(ScalarType.Int64) ?? ones(prompts.Boxes.shape[0], prompts.Boxes.shape[1], ScalarType.Int64, map.device);
        var valid = labels.ne(Sam3BoxPrompts.Padding); // [B, N]
        var boxes = Boxes(prompts.Boxes, map) + _labels.Forward(labels.masked_fill(valid.logical_not(), 0)); // [B, N, C]

        // The class token comes directly behind the valid boxes.
        var count = valid.sum(-1, keepdim: true); // [B, 1]
        var places = arange(boxes.shape[1] + 1, device: map.device).unsqueeze(0); // [1, N + 1]
        var tokens = where(places.eq(count).unsqueeze(-1), _class.Table, nn.functional.pad(boxes, [0, 0, 0, 1])); // [B, N + 1, C]
        var mask = places.le(count); // [B, N + 1]

        tokens = _promptNorm.Forward(_finalProj.Forward(tokens));
        var image = map.flatten(2).transpose(1, 2); // [B, C, H, W] -> [B, H W, C]
        foreach (var layer in _layers) tokens = layer.FusePrompt(tokens, mask.unsqueeze(1).unsqueeze(1), image, positions);
        return (_outputNorm.Forward(tokens).MoveToOuterDisposeScope(), mask.MoveToOuterDisposeScope());
    }

    // [B, N, 4] -> [B, N, C]
    Tensor Boxes(Tensor boxes, Tensor map)
    {
        using var scope = NewDisposeScope();
        var (batch, count) = (boxes.shape[0], boxes.shape[1]);
        var size = tensor(new double[] { map.shape[3], map.shape[2], map.shape[3], map.shape[2] });
        var corners = Sam3Boxes.ToCorners(boxes.detach().to(ScalarType.Float64, CPU)) * size; // pixels of the map
        var normed = _imageNorm.Forward(map.permute(0, 2, 3, 1)).permute(0, 3, 1, 2); // over the channels
        var contents = RoiAlign.Pool(normed, corners, _roiSize).flatten(0, 1); // [B N, C, roi, roi]
        var pooled = _pooled.Forward(contents).view(batch, count, _dim); // [B N, C, 1, 1] -> [B, N, C]

        var exact = boxes.to(ScalarType.Float32);
        Tensor[] parts =
        [
            Sam3SinePositions.Encode(exact.select(-1, 1), _dim / 2), // row of the centre, [B, N, C / 2]
            Sam3SinePositions.Encode(exact.select(-1, 0), _dim / 2), // its column
            exact.narrow(-1, 3, 1), // height
            exact.narrow(-1, 2, 1), // width
        ];
        var encoded = cat(parts, dim: -1).to(map.dtype); // [B, N, C + 2]
        return (_coordinates.Forward(boxes.to(map.dtype)) + pooled + _places.Forward(encoded)).MoveToOuterDisposeScope();
    }
}
