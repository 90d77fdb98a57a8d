using Cones.Data;
using Cones.Data.Augmentation;
using Cones.Models.Glip;
using Cones.Models.Glip.Head;
using Cones.Models.Imaging;
using Cones.Prompts;
using Cones.Prompts.Detection;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Detection;

/// <content>GLIP with a caption built in, for its linear probe.</content>
public sealed partial class GlipDetector
{
    GlipModel Model => model;

    // Features are the tower's levels [1, C, H, W] and the text that pixels are compared with, as [1, L, T, 1].
    sealed class BuiltInCaption(GlipDetector detector, Conditioning conditioning) : IViewDetector
    {
        public AugmentationRecipe Recipe => detector.Recipe;

        public string Family => detector.Family;

        public string Fingerprint => detector.Fingerprint;

        public Device Device => detector.Device;

        public CaptionEncoding EncodeCaption(IReadOnlyList<ClassPrompt> classes) => detector.EncodeCaption(classes);

        public int MaxTokens => detector.MaxTokens;

        public CaptionLayout LayOut(IReadOnlyList<ClassPrompt> classes) => detector.LayOut(classes);

        public Tensor EncodeWords(Tensor words, IReadOnlyList<IReadOnlyList<int>> classes) => detector.EncodeWords(words, classes);

        public IReadOnlyList<Tensor> EncodeImage(RgbImage image) => Fuse(() => detector.EncodeImage(image));

        public IReadOnlyList<Tensor> EncodeView(RgbImage view, bool prepared) => Fuse(() => detector.EncodeView(view, prepared));

        public DetectionTargets Assign(IReadOnlyList<Tensor> features, ImageSize size, IReadOnlyList<BoundingBox> boxes, IReadOnlyList<int> classes) =>
            detector.Assign([.. features.SkipLast(1)], size, boxes, classes);

        public DetectionTargets Assign(IReadOnlyList<Tensor> features, TrainingView view) => detector.Assign([.. features.SkipLast(1)], view);

        public Tensor Loss(IReadOnlyList<Tensor> features, Conditioning same, IReadOnlyList<IReadOnlyList<int>> classes, DetectionTargets targets)
        {
            using var scope = NewDisposeScope();
            return detector.Loss(Predict(features), same.Mask!, classes, targets).MoveToOuterDisposeScope();
        }

        public IReadOnlyList<DetectedObject> Detect(
            IReadOnlyList<Tensor> features, ImageSize size, Conditioning same, IReadOnlyList<IReadOnlyList<int>> classes, IReadOnlySet<int>? wanted = null)
        {
            using var noGrad = no_grad();
            using var scope = NewDisposeScope();
            return detector.Detect(Predict(features), size, classes, wanted);
        }

        public (double Loss, IReadOnlyList<DetectedObject> Found) Judge(
            IReadOnlyList<Tensor> features, ImageSize size, Conditioning same, IReadOnlyList<IReadOnlyList<int>> classes, DetectionTargets targets)
        {
            using var noGrad = no_grad();
            using var scope = NewDisposeScope();
            return detector.Judge(Predict(features), size, same.Mask!, classes, targets);
        }

        public void Dispose()
        {
            // The detector is its owner's.
        }

        IReadOnlyList<Tensor> Fuse(Func<IReadOnlyList<Tensor>> encode)
        {
            using var noGrad = no_grad();
            using var scope = NewDisposeScope();
            var state = detector.Model.Fuse(encode(), conditioning.Embeddings, conditioning.Mask!);
            return [.. state.Levels.Select(l => l.MoveToOuterDisposeScope()), state.Hidden.transpose(1, 2).unsqueeze(-1).MoveToOuterDisposeScope()];
        }

        GlipOutputs Predict(IReadOnlyList<Tensor> features) => detector.Model.Head.Predict(new TowerState([.. features.SkipLast(1)], features[^1].squeeze(-1).transpose(1, 2)));
    }
}
