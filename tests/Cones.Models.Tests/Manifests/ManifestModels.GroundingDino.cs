using Cones.Models.GroundingDino;
using Cones.Models.Swin;

namespace Cones.Models.Tests.Manifests;

static partial class ManifestModels
{
    static readonly GroundingDinoConfig s_tiny = new();

    static readonly GroundingDinoConfig s_base = new()
    {
        Backbone = new SwinConfig { EmbedDim = 128, Depths = [2, 2, 18, 2], NumHeads = [4, 8, 16, 32], WindowSize = 12 },
    };

    // Every decoder layer has heads of its own.
    static readonly GroundingDinoConfig s_mmTiny = new() { ScaledClassHeads = true, SharedBoxHeads = false, SharedClassHeads = false };

    static IReadOnlyList<ManifestModel> GroundingDino =>
    [
        new("grounding-dino/grounding-dino-tiny", () => new GroundingDinoModel(s_tiny), 172_249_090, GroundingDinoKeys.Rename(s_tiny)),
        new("grounding-dino/grounding-dino-base", () => new GroundingDinoModel(s_base), 232_313_216, GroundingDinoKeys.Rename(s_base)),
        new("grounding-dino/mm_grounding_dino_tiny_o365v1_goldg", () => new GroundingDinoModel(s_mmTiny), 172_912_157, GroundingDinoKeys.Rename(s_mmTiny)),
    ];
}
