using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Clip;

/// <summary>Features of images and texts in CLIP's joint space, for metrics such as CLIP-I and CLIP-T. Takes no gradients.</summary>
public sealed class ClipFeatureExtractor : IDisposable
{
    readonly int _batchSize;

    /// <summary>Features by <paramref name="model"/>, which is owned from now on.</summary>
    /// <param name="model">A loaded model.</param>
    /// <param name="batchSize">How many images or texts are encoded at once; bounds the memory, changes no result.</param>
    /// <exception cref="ArgumentOutOfRangeException">The batch size is below 1.</exception>
    public ClipFeatureExtractor(ClipModel model, int batchSize = 32)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        Model = model;
        _batchSize = batchSize;
    }

    /// <summary>The model.</summary>
    public ClipModel Model { get; }

    /// <summary>Loads the folder of a joint model.</summary>
    /// <param name="folder">A folder with <c>config.json</c> and weights.</param>
    /// <param name="options">Type and device of the weights.</param>
    /// <param name="batchSize">As in the constructor.</param>
    /// <exception cref="ConesException">The folder does not hold such a model.</exception>
    public static ClipFeatureExtractor FromFolder(string folder, LoadOptions? options = null, int batchSize = 32) =>
        new(ClipModel.FromFolder(folder, options), batchSize);

    /// <summary>The features of images.</summary>
    /// <param name="pixelValues">[B, C, H, W], preprocessed for the model.</param>
    /// <param name="normalize">Whether every row is divided by its L2 norm.</param>
    /// <returns>[B, P], float32.</returns>
    /// <exception cref="ArgumentException">The shape is wrong.</exception>
    public Tensor Images(Tensor pixelValues, bool normalize = true) =>
        InBatches(pixelValues.shape, (first, end) => Model.Vision.Forward(pixelValues.slice(0, first, end, 1)).ImageEmbeds!, normalize);

    /// <summary>The features of texts.</summary>
    /// <param name="ids">[B, T], int64.</param>
    /// <param name="attentionMask">[B, T], zero for padding; null for none. It changes features where padding comes before the end.</param>
    /// <param name="normalize">Whether every row is divided by its L2 norm.</param>
    /// <returns>[B, P], float32.</returns>
    /// <exception cref="ArgumentException">A shape is wrong, or an id is outside the vocabulary.</exception>
    public Tensor Texts(Tensor ids, Tensor? attentionMask = null, bool normalize = true)
    {
        if (attentionMask is not null) ClipChecks.Shape(nameof(attentionMask), attentionMask, ids.shape);
        return InBatches(
            ids.shape,
            (first, end) => Model.Text.Forward(ids.slice(0, first, end, 1), attentionMask?.slice(0, first, end, 1)).TextEmbeds!,
            normalize);
    }

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();

    Tensor InBatches(long[] shape, Func<long, long, Tensor> encode, bool normalize)
    {
        if (shape.Length == 0 || shape[0] < 1) throw new ArgumentException($"{ClipChecks.Text(shape)} holds no rows");
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var parts = new List<Tensor>();
        for (long first = 0; first < shape[0]; first += _batchSize)
        {
            using var inner = NewDisposeScope();
            var part = encode(first, Math.Min(first + _batchSize, shape[0])).to(ScalarType.Float32);
            parts.Add((normalize ? ClipSimilarity.Normalize(part) : part).MoveToOuterDisposeScope());
        }

        return cat(parts).MoveToOuterDisposeScope(); // [B, P]
    }
}
