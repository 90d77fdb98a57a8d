using System.Globalization;
using Cones.Models.Layers;
using Cones.Models.Weights;

namespace Cones.Models.Sam;

/// <summary>Infers a model's shape from the tensors of a file in Meta's layout, which comes without a configuration.</summary>
/// <remarks>
/// What no tensor shows has the published value: 8 heads in the mask decoder, cross-attention half as wide, the activations and
/// epsilons.
/// </remarks>
public static class SamMetaConfig
{
    /// <summary>The shape.</summary>
    /// <exception cref="ConesException">A tensor that shows it is absent or of an impossible shape.</exception>
    public static SamConfig Infer(ICheckpoint checkpoint)
    {
        var patches = Shape(checkpoint, "image_encoder.patch_embed.proj.weight", 4); // [D, 3, patch, patch]
        var positions = Shape(checkpoint, "image_encoder.pos_embed", 4); // [1, side, side, D]
        var layers = Count(checkpoint, i => $"image_encoder.blocks.{i}.norm1.weight");
        int[] windows = [.. Enumerable.Range(0, layers).Select(i => (Shape(checkpoint, $"image_encoder.blocks.{i}.attn.rel_pos_h", 2)[0] + 1) / 2)]; // [2 w - 1, d]
        var headDim = Shape(checkpoint, "image_encoder.blocks.0.attn.rel_pos_h", 2)[1];
        var (hidden, side) = (patches[0], positions[1]);
        var masks = Shape(checkpoint, "mask_decoder.mask_tokens.weight", 2); // [masks, C]
        var config = new SamConfig
        {
            Vision = new SamVisionConfig
            {
                HiddenSize = hidden,
                OutputChannels = Shape(checkpoint, "image_encoder.neck.2.weight", 4)[0],
                NumHiddenLayers = layers,
                NumAttentionHeads = hidden / headDim,
                NumChannels = patches[1],
                ImageSize = side * patches[2],
                PatchSize = patches[2],
                QkvBias = checkpoint.Tensors.ContainsKey("image_encoder.blocks.0.attn.qkv.bias"),
                WindowSize = windows.Where(w => w != side).DefaultIfEmpty(0).First(),
                GlobalAttnIndexes = [.. Enumerable.Range(0, layers).Where(i => windows[i] == side)],
                NumPosFeats = Shape(checkpoint, "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix", 2)[1],
                MlpDim = Shape(checkpoint, "image_encoder.blocks.0.mlp.lin1.weight", 2)[0],
            },
            PromptEncoder = new SamPromptEncoderConfig
            {
                HiddenSize = masks[1],
                ImageSize = side * patches[2],
                PatchSize = patches[2],
                MaskInputChannels = Shape(checkpoint, "prompt_encoder.mask_downscaling.3.weight", 4)[0],
                NumPointEmbeddings = Count(checkpoint, i => $"prompt_encoder.point_embeddings.{i}.weight"),
            },
            MaskDecoder = new SamMaskDecoderConfig
            {
                HiddenSize = masks[1],
                MlpDim = Shape(checkpoint, "mask_decoder.transformer.layers.0.mlp.lin1.weight", 2)[0],
                NumHiddenLayers = Count(checkpoint, i => $"mask_decoder.transformer.layers.{i}.norm1.weight"),
                NumMultimaskOutputs = masks[0] - 1,
                IouHeadDepth = Count(checkpoint, i => $"mask_decoder.iou_prediction_head.layers.{i}.weight"),
                IouHeadHiddenDim = Shape(checkpoint, "mask_decoder.iou_prediction_head.layers.0.weight", 2)[0],
            },
        };
        try
        {
            config.Validate();
        }
        catch (ArgumentException e)
        {
            throw new ConesException($"{checkpoint.Path}: its tensors describe no usable SAM model: {e.Message}", e);
        }

        return config;
    }

    static int[] Shape(ICheckpoint checkpoint, string key, int dimensions)
    {
        if (!checkpoint.Tensors.TryGetValue(key, out var info))
            throw new ConesException($"{checkpoint.Path} has no '{key}', so it is no model of Segment Anything in Meta's layout");
        if (info.Shape.Count != dimensions || info.Shape.Any(d => d is < 1 or > int.MaxValue))
            throw new ConesException($"{checkpoint.Path}: '{key}' is {ShapeCheck.Text([.. info.Shape])}, {dimensions} dimensions were expected");
        return [.. info.Shape.Select(d => (int)d)];
    }

    static int Count(ICheckpoint checkpoint, Func<string, string> key) =>
        Enumerable.Range(0, int.MaxValue).First(i => !checkpoint.Tensors.ContainsKey(key(i.ToString(CultureInfo.InvariantCulture))));
}
