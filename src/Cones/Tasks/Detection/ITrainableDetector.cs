using Cones.Data.Augmentation;
using Cones.Models.Imaging;
using Cones.Prompts;
using Cones.Prompts.Detection;
using Cones.Search.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <summary>Which weights of a detector are trained.</summary>
public enum WeightScope
{
    /// <summary>The linear layers behind all that image and text have in common: the linear probe of the family's reference.</summary>
    Linear,

    /// <summary>All weights that the reference's fine-tuning trains.</summary>
    Full,
}

/// <summary>A detector that takes views of images that were prepared for it.</summary>
public interface IViewDetector : IDetector
{
    /// <summary>How the reference's training changes its images; what comes out is as large as the network takes it.</summary>
    AugmentationRecipe Recipe { get; }

    /// <summary>As <see cref="IDetector.EncodeImage"/>, but with a graph to weights that are trained.</summary>
    /// <param name="view">One image.</param>
    /// <param name="prepared">Whether it has the network's size already, as <see cref="Recipe"/> leaves it.</param>
    IReadOnlyList<Tensor> EncodeView(RgbImage view, bool prepared);

    /// <summary>As <see cref="IDetector.Assign"/>, for a view.</summary>
    /// <param name="features">The view's features.</param>
    /// <param name="view">The view.</param>
    DetectionTargets Assign(IReadOnlyList<Tensor> features, TrainingView view);
}

/// <summary>A detector whose own weights can be trained.</summary>
public interface ITrainableDetector : IViewDetector
{
    /// <summary>Factors of rate and decay that the reference's training gives to parts of the weights.</summary>
    IReadOnlyList<ParameterGroup> ParameterGroups { get; }

    /// <summary>Lets gradients into the weights of a scope and names them as their checkpoint does.</summary>
    /// <param name="scope">Which weights.</param>
    /// <param name="text">Whether the text encoder's are among them: of no use where nothing is encoded in the loop.</param>
    IReadOnlyList<KeyValuePair<string, Tensor>> Unfreeze(WeightScope scope, bool text);

    /// <summary>Keeps gradients out of the weights again.</summary>
    void Freeze();

    /// <summary>The encodings of a caption, [1, T, L], with a graph to the text encoder's weights.</summary>
    Tensor EncodeHidden(IReadOnlyList<ClassPrompt> classes);

    /// <summary>
    /// This detector with one caption built in: the features of its images are all that comes before the weights of
    /// <see cref="WeightScope.Linear"/>, so that they can be kept while those are trained. Does not own this detector.
    /// </summary>
    IViewDetector BuildIn(Conditioning conditioning);

    /// <summary>The mean feature of each object's region, in the space in which pixels are compared with text.</summary>
    /// <param name="features">The image's features.</param>
    /// <param name="conditioning">[1, T, L] with its mask.</param>
    /// <param name="classes">The slots of each class.</param>
    /// <param name="targets">The objects.</param>
    /// <returns>[n, C] for the n objects that have a region, and the class of each.</returns>
    (Tensor Regions, IReadOnlyList<int> Classes) Regions(
        IReadOnlyList<Tensor> features, Conditioning conditioning, IReadOnlyList<IReadOnlyList<int>> classes, DetectionTargets targets);

    /// <summary>The text vectors that come closest to regions: [n, C] to [n, L], of any length.</summary>
    Tensor ToText(Tensor regions);

    /// <summary>Writes a model folder that can be loaded as the one that this detector comes from.</summary>
    /// <param name="folder">The folder; it is made where there is none.</param>
    /// <exception cref="Cones.Models.ConesException">It cannot be written.</exception>
    void Save(string folder);
}
