using Cones.Data;
using Cones.Models.Imaging;
using Cones.Prompts;
using Cones.Prompts.Detection;
using Cones.Prompts.Segmentation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>A segmenter, cut where prompts begin: what a picture becomes before any prompt, and what prompts then make of it. One seam for all families.</summary>
public interface ISegmenter : IDisposable
{
    /// <summary>The family, as in concept files, e.g. <c>sam</c>.</summary>
    string Family { get; }

    /// <summary>Says which models a concept fits; 64 hexadecimal digits.</summary>
    string Fingerprint { get; }

    /// <summary>Says for which models a picture's features are the same: weights, type, device and preparation; 64 hexadecimal digits.</summary>
    string ImageFingerprint { get; }

    /// <summary>The device of the weights.</summary>
    Device Device { get; }

    /// <summary>Whether every object has a prompt of its own, mostly a box; else one prompt finds all objects of a class.</summary>
    bool PromptsAreObjects { get; }

    /// <summary>Whether names can be read.</summary>
    bool ReadsNames { get; }

    /// <summary>Makes the prompt of a search.</summary>
    /// <exception cref="Cones.Models.ConesException">The family has no such method, or cannot read the names.</exception>
    ISegmentationPrompt CreatePrompt(SegmentationPromptOptions options);

    /// <summary>The tokens of written names, of each class [n, C]; none where names are not read.</summary>
    /// <exception cref="Cones.Models.ConesException">The model has no tokenizer, or a name is too long.</exception>
    IReadOnlyList<Tensor> EncodeNames(IReadOnlyList<ClassPrompt> classes);

    /// <summary>The width C of prompt tokens.</summary>
    int PromptWidth { get; }

    /// <summary>Prepares an image: [1, 3, S, S] on the device.</summary>
    /// <exception cref="Cones.Models.ConesException">The image is too narrow for the model.</exception>
    Tensor Preprocess(RgbImage image);

    /// <summary>What a prepared image becomes before any prompt, [1, C, h, w] each; with a graph where the encoder is trained.</summary>
    IReadOnlyList<Tensor> EncodeImage(Tensor pixels);

    /// <summary>The grid of the masks of an image of the size.</summary>
    MaskGrid GridOf(ImageSize size);

    /// <summary>The training loss: a scalar with a graph to the prompts and to weights that are trained.</summary>
    /// <param name="features">The image's features.</param>
    /// <param name="size">The image's size.</param>
    /// <param name="prompts">A row for each target, or one row where one prompt finds all objects of a class.</param>
    /// <param name="targets">The objects; of one class where one prompt finds all, then maybe none.</param>
    /// <param name="loss">What masks are compared by.</param>
    /// <exception cref="Cones.Models.ConesException">The family has no such loss.</exception>
    Tensor Loss(IReadOnlyList<Tensor> features, ImageSize size, Conditioning prompts, IReadOnlyList<SegmentationTarget> targets, MaskLossKind loss = MaskLossKind.Focal);

    /// <summary>What prompts find on an image.</summary>
    /// <param name="features">The image's features.</param>
    /// <param name="size">The image's size.</param>
    /// <param name="prompts">[B, T, C] with their mask.</param>
    /// <param name="boxes">The box of each row, null without; not read where one prompt finds all objects of a class.</param>
    /// <param name="threshold">The least score.</param>
    IEnumerable<SegmentedObject> Segment(IReadOnlyList<Tensor> features, ImageSize size, Conditioning prompts, IReadOnlyList<BoundingBox?> boxes, double threshold);

    /// <summary>Lets gradients into weights and names them.</summary>
    /// <param name="encoder">Whether those of the image encoder too; else those behind it.</param>
    IReadOnlyList<KeyValuePair<string, Tensor>> Unfreeze(bool encoder);

    /// <summary>Writes the model as a folder in the layout of transformers.</summary>
    /// <exception cref="Cones.Models.ConesException">The folder cannot be written.</exception>
    void Save(string folder);
}
