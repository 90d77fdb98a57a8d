using Cones.Models.Layers;
using Cones.Models.Weights.Inspection;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Weights;

/// <summary>Fills a model's weights from a checkpoint.</summary>
public static class ModelLoader
{
    /// <summary>Loads every weight of <paramref name="model"/>, one tensor at a time.</summary>
    /// <exception cref="ConesException">
    /// Keys are missing, unexpected, of another shape or no floating-point numbers (the message lists them all), or a tensor holds
    /// NaN or infinity. In the last case weights that came before it have been loaded.
    /// </exception>
    public static void Load(Module model, ICheckpoint checkpoint, LoadOptions? options = null)
    {
        options ??= new LoadOptions();
        var plan = Match(model, checkpoint, options);
        using var noGrad = no_grad();
        foreach (var (weight, key) in plan)
        {
            using var scope = NewDisposeScope();
            var type = weight.TypeIn(options.Type);
            var value = checkpoint.Read(key, type);
            if (!IsFinite(value))
                throw new ConesException(
                    $"{checkpoint.Path}: '{key}' holds NaN or infinity as {type}, so the file is damaged or its numbers are too large for that type: download it again, or use float32");
            weight.Assign(value.to(options.Device));
        }
    }

    /// <summary>Pairs every weight with its key in the checkpoint, without reading a tensor.</summary>
    /// <exception cref="ConesException">Something does not fit; the message lists it all.</exception>
    public static IReadOnlyList<(Weight Weight, string Key)> Match(Module model, ICheckpoint checkpoint, LoadOptions? options = null)
    {
        var fit = ModelFit.Compare(model, checkpoint, options);
        if (fit.Fits) return fit.Matches;
        var family = FamilyRecognition.FromKeys(checkpoint);
        throw new ConesException(
            $"{checkpoint.Path} does not fit the model that its configuration describes{(family is null ? "" : $" (its keys are those of {family})")}{fit.Describe()}");
    }

    // The extremes are NaN if any element is, and need no memory.
    static bool IsFinite(Tensor value)
    {
        if (value.numel() == 0) return true;
        var (least, most) = value.reshape(-1).aminmax();
        return double.IsFinite(least.to(ScalarType.Float64).item<double>()) && double.IsFinite(most.to(ScalarType.Float64).item<double>());
    }
}
