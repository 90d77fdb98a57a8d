using Cones.Models;
using Cones.Models.Clip;
using Cones.Models.Glip;
using Cones.Models.Glip.Configuration;
using Cones.Models.Sam;
using Cones.Models.Sam3;
using Cones.Models.StableDiffusion.TinyVae;
using Cones.Models.StableDiffusion.UNet;
using Cones.Models.StableDiffusion.Vae;
using Cones.Models.Weights;
using Cones.Models.Weights.Inspection;

namespace Cones.Cli.Models;

/// <summary>The models that a checkpoint's keys and shapes can be compared with.</summary>
static class KnownModels
{
    public static IReadOnlyList<InspectableModel> All { get; } =
    [
        new("UNet2DConditionModel", f => new UNet2DConditionModel(UNet2DConditionConfig.FromFile(Config(f)))),
        new("AutoencoderKL", f => new AutoencoderKL(AutoencoderKLConfig.FromFile(Config(f))), new LoadOptions { Rename = AutoencoderKL.RenameLegacyAttention }),
        new("AutoencoderTiny", f => new AutoencoderTiny(AutoencoderTinyConfig.FromFile(Config(f)))),
        new("GLIP", f => new GlipModel(GlipConfig.FromFolder(f)), new LoadOptions { Rename = GlipKeys.Rename }),
        .. Text("CLIPTextModel", "CLIPTextModelWithProjection", "clip_text_model"),
        .. Vision("CLIPVisionModel", "CLIPVisionModelWithProjection", "clip_vision_model"),
        .. Joint("CLIPModel", "clip"),
        .. ((string[])["SamModel", "sam"]).Select(family => new InspectableModel(
            family, f => new SamModel(SamConfig.FromFile(Config(f))), new LoadOptions { Rename = SamKeys.HuggingFace(SamKeys.TiedPositions) })),
        .. ((string[])["Sam3Model", "sam3", "Sam3VideoModel", "sam3_video"]).Select(family => new InspectableModel(
            family, f => new Sam3Model(Sam3Config.FromFile(Config(f))), new LoadOptions { Rename = Sam3Keys.Rename })),
    ];

    static IEnumerable<InspectableModel> Text(params string[] families) => families.Select(family => new InspectableModel(
        family,
        f => new ClipTextModel(ClipTextConfig.Read(Config(f)), IsProjecting(family, f, "text_projection.weight")),
        new LoadOptions { Rename = ClipKeys.Text }));

    static IEnumerable<InspectableModel> Vision(params string[] families) => families.Select(family => new InspectableModel(
        family,
        f => new ClipVisionModel(ClipVisionConfig.Read(Config(f)), IsProjecting(family, f, "visual_projection.weight")),
        new LoadOptions { Rename = ClipKeys.Vision }));

    static IEnumerable<InspectableModel> Joint(params string[] families) => families.Select(family => new InspectableModel(
        family, f => new ClipModel(ClipConfig.Read(Config(f))), new LoadOptions { Rename = ClipKeys.Joint }));

    static string Config(string folder) => Path.Combine(folder, "config.json");

    // Models load a projection that the weights hold, whatever the class says.
    static bool IsProjecting(string family, string folder, string key)
    {
        if (family.EndsWith("WithProjection", StringComparison.Ordinal)) return true;
        try
        {
            using var checkpoint = Checkpoint.Open(folder);
            return checkpoint.Tensors.ContainsKey(key);
        }
        catch (ConesException)
        {
            return false;
        }
    }
}
