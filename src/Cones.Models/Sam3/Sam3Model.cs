using Cones.Models.Clip;
using Cones.Models.Layers;
using Cones.Models.Layers.Kernels;
using Cones.Models.Sam3.Detr;
using Cones.Models.Sam3.Geometry;
using Cones.Models.Sam3.Masks;
using Cones.Models.Sam3.Vision;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3;

/// <summary>SAM 3's image model (Carion et al. 2025; <c>Sam3Model</c> of transformers): all objects that a phrase, boxes, or learned embeddings describe.</summary>
public sealed class Sam3Model : Module
{
    readonly Sam3VisionEncoder _vision;
    readonly Linear _textProjection;
    readonly Sam3GeometryEncoder _geometry;
    readonly Sam3DetrEncoder _encoder;
    readonly Sam3DetrDecoder _decoder;
    readonly Sam3MaskDecoder _masks;
    readonly Sam3DotProductScoring _scoring;

    /// <summary>A model without weights.</summary>
    /// <exception cref="ArgumentException">The configuration's numbers do not fit together.</exception>
    public Sam3Model(Sam3Config config)
    {
        config.Validate();
        Config = config;
        var width = config.DetrEncoder.HiddenSize;
        _vision = Add("vision_encoder", new Sam3VisionEncoder(config.Vision));
        TextEncoder = Add("text_encoder", new ClipTextModel(config.Text, withProjection: true));
        _textProjection = Add("text_projection", new Linear(config.Text.HiddenSize, width));
        _geometry = Add("geometry_encoder", new Sam3GeometryEncoder(config.GeometryEncoder, config.RoiSize));
        _encoder = Add("detr_encoder", new Sam3DetrEncoder(config.DetrEncoder));
        _decoder = Add("detr_decoder", new Sam3DetrDecoder(config.DetrDecoder, config.NumQueries));
        _masks = Add("mask_decoder", new Sam3MaskDecoder(config.MaskHiddenSize, config.MaskNumAttentionHeads, config.NumUpsamplingStages));
        _scoring = Add("dot_product_scoring", new Sam3DotProductScoring(config.DetrDecoder));
    }

    /// <summary>The shape.</summary>
    public Sam3Config Config { get; }

    /// <summary>The text encoder, for prompts that learn its input embeddings; <see cref="ProjectText"/> follows it.</summary>
    public ClipTextModel TextEncoder { get; }

    /// <summary>Loads a folder of the image model, or of the video model as facebook/sam3 is published.</summary>
    /// <param name="folder">A folder with <c>config.json</c> and weights.</param>
    /// <param name="options">Type and device of the weights; key names are settled here.</param>
    /// <param name="variant">The weights' variant, e.g. <c>fp16</c>; null for those without one.</param>
    /// <exception cref="ConesException">The folder does not hold such a model.</exception>
    public static Sam3Model FromFolder(string folder, LoadOptions? options = null, string? variant = null)
    {
        using var checkpoint = Checkpoint.Open(folder, variant);
        var model = new Sam3Model(Sam3Config.FromFile(Path.Combine(folder, "config.json")));
        try
        {
            ModelLoader.Load(model, checkpoint, (options ?? new LoadOptions()) with { Rename = Sam3Keys.Rename });
            model.ToChannelsLast();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The image features, which no prompt changes.</summary>
    /// <param name="pixelValues">Normalised images, [B, 3, S, S] of the configuration's size S.</param>
    /// <exception cref="ArgumentException">The shape is another.</exception>
    public Sam3ImageFeatures EncodeImage(Tensor pixelValues)
    {
        using var scope = NewDisposeScope();
        var features = new Sam3ImageFeatures(_vision.Neck.Forward(Backbone(pixelValues)));
        scope.MoveToOuter(features.Levels);
        return features;
    }

    /// <summary>The tokens of the vision transformer before the neck, [B, S / patch, S / patch, D].</summary>
    /// <param name="pixelValues">As in <see cref="EncodeImage"/>.</param>
    /// <exception cref="ArgumentException">The shape is another.</exception>
    public Tensor Backbone(Tensor pixelValues)
    {
        var vision = Config.Vision.Backbone;
        ShapeCheck.Require(nameof(pixelValues), pixelValues, ShapeCheck.Any, vision.NumChannels, vision.ImageSize, vision.ImageSize);
        using var scope = NewDisposeScope();
        return _vision.Backbone.Forward(pixelValues.to(_decoder.DType)).MoveToOuterDisposeScope();
    }

    /// <summary>The encoding of the places of a level's pixels, [1, C, h, w].</summary>
    /// <param name="level">0 for the finest.</param>
    public Tensor EncodePositions(int level)
    {
        using var scope = NewDisposeScope();
        var side = Config.Vision.LevelSize(level);
        return Positions(side, side).transpose(1, 2).view(1, -1, side, side).MoveToOuterDisposeScope(); // [1, h w, C] -> [1, C, h, w]
    }

    /// <summary>The prompt embeddings of tokenised texts.</summary>
    /// <param name="ids">[B, L], int64.</param>
    /// <param name="attentionMask">[B, L], 0 for padding; null for none.</param>
    /// <exception cref="ArgumentException">A shape is wrong, or an id is outside the vocabulary.</exception>
    public Sam3TextEmbeddings EncodeText(Tensor ids, Tensor? attentionMask = null)
    {
        using var scope = NewDisposeScope();
        var embeds = _textProjection.Forward(TextEncoder.Forward(ids, attentionMask).LastHiddenState);
        return new Sam3TextEmbeddings(embeds.MoveToOuterDisposeScope(), attentionMask);
    }

    /// <summary>Maps the text encoder's last hidden state [B, L, D] to prompt embeddings [B, L, C].</summary>
    /// <exception cref="ArgumentException">The width is not D.</exception>
    public Tensor ProjectText(Tensor lastHiddenState)
    {
        ShapeCheck.Require(nameof(lastHiddenState), lastHiddenState, ShapeCheck.Any, ShapeCheck.Any, Config.Text.HiddenSize);
        return _textProjection.Forward(lastHiddenState);
    }

    /// <summary>The prompt tokens of boxes, which <see cref="Forward"/> puts behind the text's.</summary>
    /// <param name="features">B images.</param>
    /// <param name="boxes">The boxes on them.</param>
    /// <returns>Tokens [B, N + 1, C] and where they are valid, bool [B, N + 1].</returns>
    /// <exception cref="ArgumentException">A shape, a label or a coordinate does not fit.</exception>
    public (Tensor Tokens, Tensor Mask) EncodeBoxes(Sam3ImageFeatures features, Sam3BoxPrompts boxes)
    {
        CheckFeatures(features);
        boxes.Validate(features.Levels[0].shape[0]);
        using var scope = NewDisposeScope();
        var coarsest = features.Levels[^1].to(_decoder.DType);
        var (tokens, mask) = _geometry.Forward(boxes, coarsest, Positions(coarsest.shape[2], coarsest.shape[3]).to(_decoder.DType));
        return (tokens.MoveToOuterDisposeScope(), mask.MoveToOuterDisposeScope());
    }

    /// <summary>Finds what prompts describe on images that were encoded before.</summary>
    /// <param name="features">The images, B of them, or one for all prompts.</param>
    /// <param name="textEmbeds">Prompt embeddings, [B, L, C], or one for all images; they may be learned: gradients reach them in their own type.</param>
    /// <param name="mask">0 for padding, [B, L] as <paramref name="textEmbeds"/>; null if every token counts.</param>
    /// <param name="boxes">Boxes on the images, or null.</param>
    /// <exception cref="ArgumentException">A shape, a label or a coordinate does not fit.</exception>
    public Sam3Output Forward(Sam3ImageFeatures features, Tensor textEmbeds, Tensor? mask = null, Sam3BoxPrompts? boxes = null)
    {
        var batch = Check(features, textEmbeds, mask);
        boxes?.Validate(batch);
        using var scope = NewDisposeScope();
        Tensor[] levels = [.. features.Levels.Select(l => TensorMemory.ToChannelsLast(l.to(_decoder.DType)).expand(batch, -1, -1, -1))];
        var coarsest = levels[^1];
        var positions = Positions(coarsest.shape[2], coarsest.shape[3]).to(_decoder.DType); // [1, h w, C]
        var prompt = textEmbeds.to(_decoder.DType).expand(batch, -1, -1); // [B, L, C]
        var valid = mask?.ne(0).expand(batch, -1); // [B, L]
        if (boxes is not null)
        {
            var (tokens, tokenMask) = _geometry.Forward(boxes, coarsest, positions);
            valid = cat([valid ?? ones(batch, prompt.shape[1], ScalarType.Bool, prompt.device), tokenMask], dim: 1);
            prompt = cat([prompt, tokens], dim: 1);
        }

        var output = Decode(levels, positions, prompt, valid);
        scope.MoveToOuter(output.Tensors);
        return output;
    }

    Sam3Output Decode(Tensor[] levels, Tensor positions, Tensor prompt, Tensor? valid)
    {
        var (height, width) = (levels[^1].shape[2], levels[^1].shape[3]);
        var attended = (prompt, valid?.unsqueeze(1).unsqueeze(1)); // [B, L] -> [B, 1, 1, L]
        var encoded = _encoder.Forward(levels[^1].flatten(2).transpose(1, 2), positions, prompt, attended.Item2); // [B, h w, C]
        var decoded = _decoder.Forward(encoded, positions, (height, width), attended);
        var boxes = Sam3Boxes.ToCorners(decoded.Boxes);
        var logits = _scoring.Forward(decoded.Queries, prompt, valid);
        var (masks, semantic) = _masks.Forward(decoded.Queries[^1], levels, encoded, attended);
        return new Sam3Output(
            masks, boxes[^1], logits[^1], decoded.Presence[^1], semantic,
            new Sam3LayerOutputs(boxes, logits, decoded.Presence, decoded.Queries, decoded.References, encoded));
    }

    Tensor Positions(long height, long width) => Sam3SinePositions.Grid(height, width, Config.DetrEncoder.HiddenSize, _decoder.Device);

    long Check(Sam3ImageFeatures features, Tensor textEmbeds, Tensor? mask)
    {
        CheckFeatures(features);
        ShapeCheck.Require(nameof(textEmbeds), textEmbeds, ShapeCheck.Any, ShapeCheck.Any, Config.DetrEncoder.HiddenSize);
        if (mask is not null) ShapeCheck.Require(nameof(mask), mask, textEmbeds.shape.AsSpan(0, 2));
        var (images, texts) = (features.Levels[0].shape[0], textEmbeds.shape[0]);
        return texts == images || texts == 1 || images == 1
            ? Math.Max(images, texts)
            : throw new ArgumentException($"{images} images and {texts} prompts do not fit together: give as many of both, or one of either", nameof(textEmbeds));
    }

    void CheckFeatures(Sam3ImageFeatures features)
    {
        var vision = Config.Vision;
        if (features.Levels.Count != vision.ScaleFactors.Count - 1)
            throw new ArgumentException($"the features have {features.Levels.Count} levels, the model {vision.ScaleFactors.Count - 1}", nameof(features));
        for (var i = 0; i < features.Levels.Count; i++)
            ShapeCheck.Require(
                $"level {i} of the features", features.Levels[i],
                i == 0 ? ShapeCheck.Any : features.Levels[0].shape[0], vision.FpnHiddenSize, vision.LevelSize(i), vision.LevelSize(i));
    }
}
