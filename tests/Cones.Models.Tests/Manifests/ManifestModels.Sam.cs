using Cones.Models.Sam;
using Cones.Models.Sam3;

namespace Cones.Models.Tests.Manifests;

static partial class ManifestModels
{
    // The published counts are without the random frequencies [2, 128], which are a constant.
    static IReadOnlyList<ManifestModel> Sam =>
    [
        Segmenter("sam/facebook-sam-vit-base", SamConfig.Base, 93_735_472 + 256),
        Segmenter("sam/facebook-sam-vit-large", SamConfig.Large, 312_342_832 + 256),
        Segmenter("sam/facebook-sam-vit-huge", SamConfig.Huge, 641_090_608 + 256),
        new("sam3/facebook-sam3-Sam3Model", () => new Sam3Model(new Sam3Config()), 840_376_374, Sam3Keys.Rename),
        new("sam3/facebook-sam3-Sam3VideoModel", () => new Sam3Model(new Sam3Config()), 840_376_374, Sam3Keys.Rename) { Unused = Sam3Keys.Unused },
    ];

    // The manifests hold both of the tied copies; the second one is left out.
    static ManifestModel Segmenter(string manifest, SamConfig config, long parameters) =>
        new(manifest, () => new SamModel(config), parameters, SamKeys.HuggingFace(SamKeys.TiedPositions))
        {
            Unused = [SamKeys.TiedPositions[1]],
        };
}
