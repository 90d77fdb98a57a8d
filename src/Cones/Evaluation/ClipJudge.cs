using Cones.Models;
using Cones.Models.Clip;
using Cones.Models.Imaging;
using Cones.Models.Tokenizers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Evaluation;

/// <summary>A CLIP model as a judge of pictures and texts: the folder of a transformers <c>CLIPModel</c> with its processor.</summary>
public sealed class ClipJudge : IDisposable
{
    // Pictures preprocessed at once; bounds the memory, changes no result.
    const int BatchSize = 16;

    readonly ClipFeatureExtractor _extractor;
    readonly ClipTokenizer _tokenizer;
    readonly ImageProcessor _processor;

    ClipJudge(ClipFeatureExtractor extractor, ClipTokenizer tokenizer, ImageProcessor processor) =>
        (_extractor, _tokenizer, _processor) = (extractor, tokenizer, processor);

    /// <summary>Loads a folder: <c>config.json</c>, weights, tokenizer and, where there is one, <c>preprocessor_config.json</c>.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Type and device.</param>
    /// <exception cref="ConesException">The folder holds no such model, or its parts do not fit together.</exception>
    public static ClipJudge FromFolder(string folder, LoadOptions? options = null)
    {
        if (!Directory.Exists(folder)) throw new ConesException($"{folder} does not exist: give the folder of a CLIP model (transformers layout)");
        var size = ClipConfig.Read(Path.Combine(folder, "config.json")).Vision.ImageSize;
        var path = Path.Combine(folder, "preprocessor_config.json");
        var processor = new ImageProcessor(File.Exists(path)
            ? ImageProcessorConfig.ClipFromFile(path)
            : ImageProcessorConfig.Clip with { Size = new SizeRule { ShortestEdge = size }, CropSize = new ImageSize(size, size) });
        using (NewDisposeScope())
        {
            var tried = processor.Preprocess(new RgbImage(size, size)).PixelValues.shape;
            if (tried[2] != size || tried[3] != size)
                throw new ConesException($"{path} makes pictures of {tried[2]} x {tried[3]} pixels, the model beside it takes {size} x {size}: download both again");
        }

        var tokenizer = ClipTokenizer.FromFolder(folder);
        return new ClipJudge(ClipFeatureExtractor.FromFolder(folder, options), tokenizer, processor);
    }

    /// <summary>The features of pictures, [N, P] float32 on the CPU, each of norm 1.</summary>
    public Tensor Images(IReadOnlyList<RgbImage> images)
    {
        using var scope = NewDisposeScope();
        var weights = _extractor.Model.LogitScale;
        var parts = images.Chunk(BatchSize).Select(chunk =>
        {
            using var inner = NewDisposeScope();
            var pixels = cat([.. chunk.Select(i => _processor.Preprocess(i).PixelValues)], 0);
            return _extractor.Images(pixels.to(weights.dtype, weights.device)).cpu().MoveToOuterDisposeScope();
        });
        return cat([.. parts], 0).MoveToOuterDisposeScope();
    }

    /// <summary>The features of texts, [N, P] float32 on the CPU, each of norm 1. What is too long loses its end.</summary>
    public Tensor Texts(IReadOnlyList<string> texts)
    {
        using var scope = NewDisposeScope();
        var length = Math.Min(_tokenizer.MaxLength, _extractor.Model.Config.Text.MaxPositionEmbeddings);
        var ids = _tokenizer.TokenizeBatch(texts, length).Ids(_extractor.Model.LogitScale.device);
        return _extractor.Texts(ids).cpu().MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => _extractor.Dispose();
}
