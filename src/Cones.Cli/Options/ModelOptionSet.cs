using System.CommandLine;
using Cones.Models.Native;
using Cones.Models.Weights;

namespace Cones.Cli.Options;

/// <summary>The options of every command that runs a text-to-image model.</summary>
sealed class ModelOptionSet
{
    readonly Option<string?> _model = new("--model") { Description = "Folder (diffusers layout) or Hugging Face id of the text-to-image model. Default: the embedded small model.", HelpName = "MODEL" };
    readonly Option<string> _device = new("--device") { Description = $"Where it runs: {string.Join(", ", ComputeDevice.Names)} (or cuda:1). auto: the best that is there.", HelpName = "DEVICE", DefaultValueFactory = _ => ComputeDevice.Auto };
    readonly Option<string> _precision = new("--precision") { Description = $"Type of the frozen weights: {string.Join(", ", WeightPrecision.Names)}. Embeddings, optimiser and loss stay fp32, the autoencoder too.", HelpName = "TYPE", DefaultValueFactory = _ => "fp32" };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_model, _device, _precision]) command.Options.Add(option);
    }

    /// <summary>Whether no model was named, so that the embedded one runs.</summary>
    public bool IsEmbedded(ParseResult parsed) => parsed.GetValue(_model) is null;

    /// <summary>The model's folder.</summary>
    public string Folder(ParseResult parsed) => ModelFolder.Resolve(parsed.GetValue(_model));

    /// <summary>Device and type.</summary>
    public LoadOptions Loading(ParseResult parsed) => new()
    {
        Device = ComputeDevice.Resolve(parsed.GetRequiredValue(_device)),
        Type = WeightPrecision.Find(parsed.GetRequiredValue(_precision)),
    };
}
