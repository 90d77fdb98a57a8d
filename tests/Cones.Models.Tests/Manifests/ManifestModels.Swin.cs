using Cones.Models.Swin;

namespace Cones.Models.Tests.Manifests;

static partial class ManifestModels
{
    static IReadOnlyList<ManifestModel> Swin =>
    [
        // The classifier has 28,288,354 parameters, 769,000 of them in its head.
        new("swin/swin-tiny-patch4-window7-224", () => new SwinBackbone(new SwinConfig { OutStages = [4] }), 27_519_354, k => SwinKeys.Classifier(k, 4)) { Unused = ["classifier."] },
    ];
}
