using Cones.Models.Layers;

namespace Cones.Models.Tests.Manifests;

/// <summary>A published checkpoint whose keys and shapes are known, and the model that must fit it.</summary>
/// <param name="Manifest">The manifest below <c>tests/goldens</c>: <c>area/name</c>.</param>
/// <param name="Build">Makes the model from the checkpoint's configuration, without memory for weights.</param>
/// <param name="Parameters">The published number of parameters.</param>
/// <param name="Rename">How the checkpoint's keys become the model's; null where they are the same.</param>
public sealed record ManifestModel(string Manifest, Func<Module> Build, long Parameters, Func<string, string?>? Rename = null)
{
    /// <summary>Beginnings of keys of the manifest that are no part of the model, e.g. another task's head.</summary>
    public IReadOnlyList<string> Unused { get; init; } = [];
}

/// <summary>The models of all families; each family has a file <c>ManifestModels.Family.cs</c> with one list.</summary>
static partial class ManifestModels
{
    public static IReadOnlyList<ManifestModel> All => [.. Bert, .. Clip, .. Glip, .. GroundingDino, .. Sam, .. StableDiffusion, .. Swin];
}
