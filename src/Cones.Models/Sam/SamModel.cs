using Cones.Models.Layers;
using Cones.Models.Sam.Decoder;
using Cones.Models.Sam.Encoder;
using Cones.Models.Sam.Prompts;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam;

/// <summary>Segment Anything (Kirillov et al. 2023; <c>SamModel</c> of transformers): an image embedding, and masks for prompts on it.</summary>
public sealed class SamModel : Module
{
    readonly SamPositionalEmbedding _positions;
    readonly SamVisionEncoder _vision;
    readonly SamPromptEncoder _prompts;
    readonly SamMaskDecoder _decoder;

    /// <summary>A model without weights.</summary>
    /// <exception cref="ArgumentException">The configuration's numbers do not fit together.</exception>
    public SamModel(SamConfig config)
    {
        config.Validate();
        Config = config;
        _positions = Add("shared_image_embedding", new SamPositionalEmbedding(config.Vision));
        _vision = Add("vision_encoder", new SamVisionEncoder(config.Vision));
        _prompts = Add("prompt_encoder", new SamPromptEncoder(config.PromptEncoder, _positions));
        _decoder = Add("mask_decoder", new SamMaskDecoder(config.MaskDecoder));
    }

    /// <summary>The shape.</summary>
    public SamConfig Config { get; }

    /// <summary>Loads a folder as <c>save_pretrained</c> writes it, or one that holds nothing but Meta's <c>.pth</c> file.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Type and device of the weights; key names are settled here.</param>
    /// <param name="variant">The weights' variant, e.g. <c>fp16</c>; null for those without one.</param>
    /// <exception cref="ConesException">The folder does not hold such a model.</exception>
    public static SamModel FromFolder(string folder, LoadOptions? options = null, string? variant = null) => SamFiles.LoadFolder(folder, options, variant);

    /// <summary>Loads a file in Meta's layout, e.g. <c>sam_vit_b_01ec64.pth</c>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="config">The model's shape; null to infer it from the tensors' shapes (<see cref="SamMetaConfig"/>).</param>
    /// <param name="options">Type and device of the weights; key names are settled here.</param>
    /// <exception cref="ConesException">The file does not hold such a model.</exception>
    public static SamModel FromFile(string path, SamConfig? config = null, LoadOptions? options = null) => SamFiles.LoadFile(path, config, options);

    /// <summary>The image embedding, which no prompt changes.</summary>
    /// <param name="pixelValues">Normalised images, [B, 3, S, S], padded to the configuration's size S.</param>
    /// <returns>[B, C, S / patch, S / patch].</returns>
    /// <exception cref="ArgumentException">The shape is another.</exception>
    public Tensor EncodeImage(Tensor pixelValues)
    {
        var vision = Config.Vision;
        ShapeCheck.Require(nameof(pixelValues), pixelValues, ShapeCheck.Any, vision.NumChannels, vision.ImageSize, vision.ImageSize);
        using var scope = NewDisposeScope();
        return _vision.Forward(pixelValues.to(_decoder.DType)).MoveToOuterDisposeScope();
    }

    /// <summary>The encoding of the image embedding's places, [1, C, h, w].</summary>
    public Tensor EncodePositions() => _positions.Grid(Config.Vision.GridSize, _decoder.DType).alias();

    /// <summary>The embeddings of points, boxes and masks; gradients reach coordinates and mask logits.</summary>
    /// <exception cref="ArgumentException">A shape or a label does not fit.</exception>
    public SamPromptEmbeddings EncodePrompts(SamPrompts prompts)
    {
        prompts.Validate(Config.PromptEncoder);
        return _prompts.Forward(prompts);
    }

    /// <summary>The masks of every prompt on images that were encoded before.</summary>
    /// <param name="imageEmbeddings">[B, C, h, w], as <see cref="EncodeImage"/> gives them.</param>
    /// <param name="prompts">The prompts' embeddings, for the same B images or one for all; null for no prompt but the extra tokens.</param>
    /// <param name="multimaskOutput">Whether to return the masks of an ambiguous prompt instead of the single one.</param>
    /// <param name="extraSparse">
    /// Further prompt tokens behind the others, [B, P, N, C], or null; B and P may be 1 for all images and all prompts. They may be
    /// learned: gradients reach them in their own type.
    /// </param>
    /// <returns>The masks; P is 1 where neither <paramref name="prompts"/> nor <paramref name="extraSparse"/> has tokens.</returns>
    /// <exception cref="ArgumentException">A shape does not fit.</exception>
    public SamOutput Decode(Tensor imageEmbeddings, SamPromptEmbeddings? prompts = null, bool multimaskOutput = true, Tensor? extraSparse = null)
    {
        var (channels, side) = (Config.MaskDecoder.HiddenSize, Config.Vision.GridSize);
        ShapeCheck.Require(nameof(imageEmbeddings), imageEmbeddings, ShapeCheck.Any, channels, side, side);
        var batch = imageEmbeddings.shape[0];
        using var scope = NewDisposeScope();
        prompts ??= _prompts.Forward(new SamPrompts());
        CheckBatch("the dense prompt embedding", prompts.Dense, batch);
        ShapeCheck.Require("the dense prompt embedding", prompts.Dense, ShapeCheck.Any, channels, side, side);
        var type = _decoder.DType;
        var output = _decoder.Forward(
            imageEmbeddings.to(type) + prompts.Dense.to(type), _positions.Grid(side, type), Sparse(prompts.Sparse, extraSparse, batch), multimaskOutput);
        scope.MoveToOuter(output.PredMasks, output.IouScores);
        return output;
    }

    /// <summary>The masks of prompts on images.</summary>
    /// <param name="pixelValues">As in <see cref="EncodeImage"/>.</param>
    /// <param name="prompts">As in <see cref="EncodePrompts"/>.</param>
    /// <param name="multimaskOutput">As in <see cref="Decode"/>.</param>
    /// <exception cref="ArgumentException">A shape or a label does not fit.</exception>
    public SamOutput Forward(Tensor pixelValues, SamPrompts prompts, bool multimaskOutput = true)
    {
        using var scope = NewDisposeScope();
        var output = Decode(EncodeImage(pixelValues), EncodePrompts(prompts), multimaskOutput);
        scope.MoveToOuter(output.PredMasks, output.IouScores);
        return output;
    }

    // Both together, for every image and prompt: [B, P, N, C]; N may be 0.
    Tensor Sparse(Tensor? given, Tensor? extra, long batch)
    {
        Tensor[] parts = [.. new[] { ("the sparse prompt embeddings", given), ("the extra prompt embeddings", extra) }
            .Where(p => p.Item2 is not null).Select(p => Checked(p.Item1, p.Item2!, batch))];
        var count = parts.Select(p => p.shape[1]).Append(1).Max();
        foreach (var part in parts)
            if (part.shape[1] != count && part.shape[1] != 1)
                throw new ArgumentException($"prompt embeddings of {string.Join(" and ", parts.Select(p => p.shape[1]))} prompts do not fit together");
        return parts.Length == 0
            ? zeros(batch, 1, 0, Config.MaskDecoder.HiddenSize, _decoder.DType, _decoder.Device)
            : cat([.. parts.Select(p => p.to(_decoder.DType).expand(batch, count, -1, -1))], dim: 2);
    }

    Tensor Checked(string name, Tensor tokens, long batch)
    {
        ShapeCheck.Require(name, tokens, ShapeCheck.Any, ShapeCheck.Any, ShapeCheck.Any, Config.MaskDecoder.HiddenSize);
        CheckBatch(name, tokens, batch);
        return tokens;
    }

    static void CheckBatch(string name, Tensor tensor, long batch)
    {
        if (tensor.dim() == 0 || (tensor.shape[0] != batch && tensor.shape[0] != 1))
            throw new ArgumentException($"{name} are {ShapeCheck.Text(tensor.shape)}, but there are {batch} images: give one for each, or one for all");
    }
}
