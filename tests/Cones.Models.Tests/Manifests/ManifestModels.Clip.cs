using Cones.Models.Clip;
using Cones.Models.Configuration;

namespace Cones.Models.Tests.Manifests;

static partial class ManifestModels
{
    const string ClipLarge = """
        {
          "projection_dim": 768,
          "text_config": { "hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12, "projection_dim": 768, "eos_token_id": 2 },
          "vision_config": {
            "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16, "patch_size": 14, "projection_dim": 768
          }
        }
        """;

    const string ClipBase = """{ "projection_dim": 512, "text_config": { "eos_token_id": 2 }, "vision_config": {} }""";

    // Stable Diffusion 1.x uses the text side of ViT-L/14, and SDXL has it as its first encoder.
    const string ClipLargeText = """
        {
          "architectures": ["CLIPTextModel"], "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
          "projection_dim": 768, "vocab_size": 49408, "max_position_embeddings": 77, "hidden_act": "quick_gelu", "eos_token_id": 2
        }
        """;

    // OpenCLIP ViT-H/14 without its last layer.
    const string OpenClipHugeText = """
        {
          "architectures": ["CLIPTextModel"], "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 23, "num_attention_heads": 16,
          "projection_dim": 512, "hidden_act": "gelu", "eos_token_id": 2
        }
        """;

    // OpenCLIP ViT-bigG/14.
    const string OpenClipGiantText = """
        {
          "architectures": ["CLIPTextModelWithProjection"], "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32,
          "num_attention_heads": 20, "projection_dim": 1280, "hidden_act": "gelu", "eos_token_id": 2
        }
        """;

    static IReadOnlyList<ManifestModel> Clip =>
    [
        new("clip/clip-vit-large-patch14", () => Joint(ClipLarge), 427_616_513, ClipKeys.Joint),
        new("clip/clip-vit-base-patch32", () => Joint(ClipBase), 151_277_313, ClipKeys.Joint),
        new("generation/sd15-text_encoder", () => Text(ClipLargeText), 123_060_480, ClipKeys.Text),
        new("generation/sd21-text_encoder", () => Text(OpenClipHugeText), 340_387_840, ClipKeys.Text),
        new("generation/sdxl-text_encoder", () => Text(ClipLargeText), 123_060_480, ClipKeys.Text),
        new("generation/sdxl-text_encoder_2", () => Text(OpenClipGiantText, projection: true), 694_659_840, ClipKeys.Text),
    ];

    static ClipModel Joint(string config) => new(ClipConfig.Read(ConfigReader.Parse(config, "config.json")));

    static ClipTextModel Text(string config, bool projection = false) =>
        new(ClipTextConfig.Read(ConfigReader.Parse(config, "config.json")), projection);
}
