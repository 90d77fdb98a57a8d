using Cones.Data;
using Cones.Models.Imaging;
using Cones.Prompts;
using Cones.Prompts.Detection;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>
/// A frozen detector, cut where prompts begin: what a picture becomes before it meets the text, and what the text becomes before it meets
/// a picture. One seam for all families.
/// </summary>
public interface IDetector : IDisposable
{
    /// <summary>The family, as in concept files, e.g. <c>glip</c>.</summary>
    string Family { get; }

    /// <summary>Says which models a concept fits; 64 hexadecimal digits.</summary>
    string Fingerprint { get; }

    /// <summary>The device of the weights.</summary>
    Device Device { get; }

    /// <summary>The slots that a caption may have, with its start and end.</summary>
    int MaxTokens { get; }

    /// <summary>Says where classes stand in their caption; a caption may be longer than <see cref="MaxTokens"/>.</summary>
    /// <param name="classes">At least one.</param>
    /// <exception cref="Cones.Models.ConesException">The model has no tokenizer, or a class has no token.</exception>
    CaptionLayout LayOut(IReadOnlyList<ClassPrompt> classes);

    /// <summary>Encodes the caption of some classes.</summary>
    /// <param name="classes">At least one.</param>
    /// <exception cref="Cones.Models.ConesException">The model has no tokenizer, or the caption is too long.</exception>
    CaptionEncoding EncodeCaption(IReadOnlyList<ClassPrompt> classes);

    /// <summary>Runs the text encoder on word embeddings; gradients reach them.</summary>
    /// <param name="words">[1, T, D], as in <see cref="CaptionEncoding.Words"/>.</param>
    /// <param name="classes">The slots of each class.</param>
    /// <returns>[1, T, L].</returns>
    /// <exception cref="Cones.Models.ConesException">They are more than the model takes.</exception>
    Tensor EncodeWords(Tensor words, IReadOnlyList<IReadOnlyList<int>> classes);

    /// <summary>What the image becomes before the text: it depends on no prompt and may be kept.</summary>
    /// <param name="image">One image.</param>
    /// <returns>Tensors [1, ...] of the caller's dispose scope, without graph.</returns>
    /// <exception cref="Cones.Models.ConesException">The image is too narrow for the model.</exception>
    IReadOnlyList<Tensor> EncodeImage(RgbImage image);

    /// <summary>What an image's objects want of the outputs, where that depends on no prompt; it may be kept.</summary>
    /// <param name="features">The image's features.</param>
    /// <param name="size">The image's size.</param>
    /// <param name="boxes">The boxes, as COCO has them.</param>
    /// <param name="classes">The class of each box, a place in the prompt from 0.</param>
    DetectionTargets Assign(IReadOnlyList<Tensor> features, ImageSize size, IReadOnlyList<BoundingBox> boxes, IReadOnlyList<int> classes);

    /// <summary>The training loss of an image: a scalar with a graph to the conditioning.</summary>
    /// <param name="features">The image's features.</param>
    /// <param name="conditioning">[1, T, L] with its mask.</param>
    /// <param name="classes">The slots of each class.</param>
    /// <param name="targets">What <see cref="Assign"/> gave.</param>
    Tensor Loss(IReadOnlyList<Tensor> features, Conditioning conditioning, IReadOnlyList<IReadOnlyList<int>> classes, DetectionTargets targets);

    /// <summary>What a prompt finds in an image, by descending score.</summary>
    /// <param name="features">The image's features.</param>
    /// <param name="size">The image's size.</param>
    /// <param name="conditioning">[1, T, L] with its mask.</param>
    /// <param name="classes">The slots of each class.</param>
    /// <param name="wanted">Places of the classes that are looked for; null for all. The others are in the caption all the same.</param>
    IReadOnlyList<DetectedObject> Detect(
        IReadOnlyList<Tensor> features, ImageSize size, Conditioning conditioning, IReadOnlyList<IReadOnlyList<int>> classes, IReadOnlySet<int>? wanted = null);

    /// <summary>The loss of an image and what is found in it, without graph; a family may have both of one pass.</summary>
    /// <param name="features">The image's features.</param>
    /// <param name="size">The image's size.</param>
    /// <param name="conditioning">[1, T, L] with its mask.</param>
    /// <param name="classes">The slots of each class.</param>
    /// <param name="targets">What <see cref="Assign"/> gave.</param>
    (double Loss, IReadOnlyList<DetectedObject> Found) Judge(
        IReadOnlyList<Tensor> features, ImageSize size, Conditioning conditioning, IReadOnlyList<IReadOnlyList<int>> classes, DetectionTargets targets)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return (Loss(features, conditioning, classes, targets).to(ScalarType.Float64).item<double>(), Detect(features, size, conditioning, classes));
    }
}

/// <summary>The objects of an image as a detector's loss takes them.</summary>
/// <param name="Classes">The class of each object that is trained on, a place in the prompt from 0.</param>
public abstract record DetectionTargets(IReadOnlyList<int> Classes);
