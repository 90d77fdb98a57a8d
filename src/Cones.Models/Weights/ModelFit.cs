using System.IO.Enumeration;
using System.Text;
using Cones.Models.Layers;

namespace Cones.Models.Weights;

/// <summary>How the tensors of a checkpoint fit the weights of a model.</summary>
public sealed record ModelFit
{
    ModelFit(string checkpointPath) => CheckpointPath = checkpointPath;

    /// <summary>The checkpoint, for messages.</summary>
    public string CheckpointPath { get; }

    /// <summary>The weights that fit, each with its key in the checkpoint.</summary>
    public IReadOnlyList<(Weight Weight, string Key)> Matches { get; private init; } = [];

    /// <summary>The model's keys without a tensor, with their shapes.</summary>
    public IReadOnlyList<string> Missing { get; private init; } = [];

    /// <summary>The checkpoint's keys without a weight.</summary>
    public IReadOnlyList<string> Unexpected { get; private init; } = [];

    /// <summary>Keys of another shape, with both.</summary>
    public IReadOnlyList<string> Mismatched { get; private init; } = [];

    /// <summary>Keys of integers, text masks or complex numbers, where floating-point numbers are needed, with their types.</summary>
    public IReadOnlyList<string> NotFloating { get; private init; } = [];

    /// <summary>Keys that several keys of the checkpoint are renamed to.</summary>
    public IReadOnlyList<string> Ambiguous { get; private init; } = [];

    /// <summary>Whether the checkpoint can be loaded into the model.</summary>
    public bool Fits => Missing.Count + Unexpected.Count + Mismatched.Count + NotFloating.Count + Ambiguous.Count == 0;

    /// <summary>Compares a checkpoint with a model, without reading a tensor.</summary>
    public static ModelFit Compare(Module model, ICheckpoint checkpoint, LoadOptions? options = null)
    {
        options ??= new LoadOptions();
        var stored = new Dictionary<string, string>(StringComparer.Ordinal);
        var ambiguous = new List<string>();
        foreach (var key in checkpoint.Tensors.Keys)
            if (!IsIgnored(key, options) && options.Rename(key) is { } name && !stored.TryAdd(name, key)) ambiguous.Add($"{name} from {stored[name]} and {key}");

        var matches = new List<(Weight, string)>();
        List<string> missing = [], mismatched = [], notFloating = [];
        foreach (var (name, weight) in model.NamedWeights())
        {
            if (!stored.Remove(name, out var key))
            {
                missing.Add($"{name} [{string.Join(",", weight.Shape)}]");
                continue;
            }

            var info = checkpoint.Tensors[key];
            if (!info.Shape.SequenceEqual(weight.Shape))
                mismatched.Add($"{key}: [{string.Join(",", info.Shape)}] in the file, [{string.Join(",", weight.Shape)}] in the model");
            else if (!info.Type.IsFloatingPoint())
                notFloating.Add($"{key}: {info.Type.Name()}");
            else
                matches.Add((weight, key));
        }

        return new ModelFit(checkpoint.Path)
        {
            Matches = matches,
            Missing = missing,
            Unexpected = [.. stored.Values],
            Mismatched = mismatched,
            NotFloating = notFloating,
            Ambiguous = ambiguous,
        };
    }

    /// <summary>All that does not fit, one line a kind; empty where everything fits.</summary>
    public string Describe()
    {
        var message = new StringBuilder();
        Append("missing", Missing);
        Append("unexpected", Unexpected);
        Append("of another shape", Mismatched);
        Append("not of a floating-point type", NotFloating);
        Append("ambiguous", Ambiguous);
        return message.ToString();

        void Append(string what, IReadOnlyList<string> keys)
        {
            if (keys.Count > 0) message.Append($"\n  {keys.Count} {what}: {string.Join("; ", keys)}");
        }
    }

    static bool IsIgnored(string key, LoadOptions options) => options.Ignore.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, key, ignoreCase: false));
}
