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

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_model);
        command.Options.Add(_device);
    }

    /// <summary>The model's folder or file.</summary>
    /// <exception cref="ConesException">There is none.</exception>
    public string Path(ParseResult parsed)
    {
        if (parsed.GetValue(_model) is not { } named) return EmbeddedModels.Find(EmbeddedModels.Detector);
        return File.Exists(named) ? named : HuggingFaceCache.Default().Resolve(named);
    }

    /// <summary>The device.</summary>
    public TorchSharp.torch.Device Device(ParseResult parsed) => ComputeDevice.Resolve(parsed.GetRequiredValue(_device));

    /// <summary>Loads the detector.</summary>
    public IDetector Load(ParseResult parsed) => Detectors.Load(Path(parsed), new LoadOptions { Device = Device(parsed) });
}
