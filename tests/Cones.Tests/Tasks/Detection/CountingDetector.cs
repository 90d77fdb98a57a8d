using Cones.Data;
using Cones.Models.Imaging;
using Cones.Prompts;
using Cones.Prompts.Detection;
using Cones.Tasks.Detection;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Tasks.Detection;

/// <summary>Counts how often each encoder of a detector runs.</summary>
sealed class CountingDetector(IDetector inner) : IDetector
{
    public int Captions { get; private set; }

    public int Images { get; private set; }

    public int Losses { get; private set; }

    public string Family => inner.Family;

    public string Fingerprint => inner.Fingerprint;

    public Device Device => inner.Device;

    public CaptionEncoding EncodeCaption(IReadOnlyList<ClassPrompt> classes)
    {
        Captions++;
        return inner.EncodeCaption(classes);
    }

    public int MaxTokens => inner.MaxTokens;

    public CaptionLayout LayOut(IReadOnlyList<ClassPrompt> classes) => inner.LayOut(classes);

    public Tensor EncodeWords(Tensor words, IReadOnlyList<IReadOnlyList<int>> classes) => inner.EncodeWords(words, classes);

    public IReadOnlyList<Tensor> EncodeImage(RgbImage image)
    {
        Images++;
        return inner.EncodeImage(image);
    }

    public DetectionTargets Assign(IReadOnlyList<Tensor> features, ImageSize size, IReadOnlyList<BoundingBox> boxes, IReadOnlyList<int> classes) =>
        inner.Assign(features, size, boxes, classes);

    public Tensor Loss(IReadOnlyList<Tensor> features, Conditioning conditioning, IReadOnlyList<IReadOnlyList<int>> classes, DetectionTargets targets)
    {
        Losses++;
        return inner.Loss(features, conditioning, classes, targets);
    }

    public IReadOnlyList<DetectedObject> Detect(
        IReadOnlyList<Tensor> features, ImageSize size, Conditioning conditioning, IReadOnlyList<IReadOnlyList<int>> classes, IReadOnlySet<int>? wanted = null) =>
        inner.Detect(features, size, conditioning, classes, wanted);

    public void Dispose() => inner.Dispose();
}
