using Cones.Models.Weights;

namespace Cones.Cli;

/// <summary>What <c>--model</c> means: a folder, an id of the Hugging Face cache, or the embedded model.</summary>
static class ModelFolder
{
    public static string Resolve(string? model) =>
        model is null ? EmbeddedModels.Find(EmbeddedModels.StableDiffusion) : HuggingFaceCache.Default().Resolve(model);
}
