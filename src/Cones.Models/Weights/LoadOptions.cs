using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Weights;

/// <summary>How <see cref="ModelLoader"/> maps a checkpoint to a model.</summary>
public sealed record LoadOptions
{
    /// <summary>Turns a checkpoint's key into the model's, or into null for a key to be ignored. Default: as it is.</summary>
    public Func<string, string?> Rename { get; init; } = key => key;

    /// <summary>
    /// Keys of the checkpoint that are no weights, with <c>*</c> for any text, e.g. <c>*.position_ids</c>. Default: none. They are
    /// matched before <see cref="Rename"/>.
    /// </summary>
    public IReadOnlyList<string> Ignore { get; init; } = [];

    /// <summary>The floating-point type of the loaded weights, whatever the file's is; but for those of <see cref="Layers.Weight.KeepsSinglePrecision"/>.</summary>
    public ScalarType Type { get; init; } = ScalarType.Float32;

    /// <summary>The device of the loaded weights.</summary>
    public Device Device { get; init; } = CPU;
}
