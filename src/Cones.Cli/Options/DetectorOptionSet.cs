using System.CommandLine;
using Cones.Models;
using Cones.Models.Native;
using Cones.Models.Weights;
using Cones.Tasks.Detection;

namespace Cones.Cli.Options;

/// <summary>The options of every command that runs a detector.</summary>
sealed class DetectorOptionSet
{
    readonly Option<string?> _model = new("--model") { Description = "The detector: folder or file of weights of a GLIP, Grounding DINO or MM Grounding DINO model, or its Hugging Face id. Default: the embedded small detector.", HelpName = "MODEL" };
    readonly Option<string> _device = new("--device") { Description = $"Where it runs: {string.Join(", ", ComputeDevice.Names)} (or cuda:1). auto: the best that is there.", HelpName = "DEVICE", DefaultValueFactory = _ => ComputeDevice.Auto };
    readonly Option<string> _precision = new("--precision") { Description = $"Type of the detector's frozen weights: {string.Join(", ", WeightPrecision.Names)}. Embeddings, optimiser, loss and boxes stay fp32.", HelpName = "TYPE", DefaultValueFactory = _ => "fp32" };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_model);
        command.Options.Add(_device);
        command.Options.Add(_precision);
    }

    /// <summary>The model's folder or file.</summary>
    /// <exception cref="ConesException">There is none.</exception>
    public string Path(ParseResult parsed)
    {
        if (parsed.GetValue(_model) is not { } named) return EmbeddedModels.Find(EmbeddedModels.Detector);
        return File.Exists(named) ? named : HuggingFaceCache.Default().Resolve(named);
    }

    /// <summary>The device, and the type of the weights.</summary>
    public LoadOptions Loading(ParseResult parsed) => new()
    {
        Device = ComputeDevice.Resolve(parsed.GetRequiredValue(_device)),
        Type = WeightPrecision.Find(parsed.GetRequiredValue(_precision)),
    };

    /// <summary>Loads the detector.</summary>
    public IDetector Load(ParseResult parsed) => Detectors.Load(Path(parsed), Loading(parsed));
}
