using System.CommandLine;
using Cones.Models;
using Cones.Models.Native;
using Cones.Models.Weights;
using Cones.Tasks.Segmentation;

namespace Cones.Cli.Options;

/// <summary>The options of every command that runs a segmenter.</summary>
sealed class SegmenterOptionSet
{
    const string NoFolder = "none";

    readonly Option<string?> _model = new("--model") { Description = "The segmenter: folder or Hugging Face id of SAM or SAM 3, or SAM's original .pth file. Default: the embedded small SAM.", HelpName = "MODEL" };
    readonly Option<string> _device = new("--device") { Description = $"Where it runs: {string.Join(", ", ComputeDevice.Names)} (or cuda:1). auto: the best that is there.", HelpName = "DEVICE", DefaultValueFactory = _ => ComputeDevice.Auto };
    readonly Option<string> _precision = new("--precision") { Description = $"Type of the frozen weights, also those of a --detector: {string.Join(", ", WeightPrecision.Names)}. Embeddings, optimiser, loss and masks stay fp32.", HelpName = "TYPE", DefaultValueFactory = _ => "fp32" };
    readonly Option<string?> _cache = new("--feature-cache") { Description = $"Folder where image features are kept for this and later commands; {NoFolder}: a temporary one. Default: {CacheOptions.DefaultFolder}.", HelpName = "DIR" };
    readonly Option<double> _cacheSize = new("--feature-cache-size") { Description = "GB in that folder; beyond, the features not used for longest are removed.", HelpName = "GB", DefaultValueFactory = _ => 10 };
    readonly Option<int> _memory = new("--feature-memory") { Description = "MB of image features to keep in memory too.", HelpName = "MB", DefaultValueFactory = _ => 2048 };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_model, _device, _precision, _cache, _cacheSize, _memory]) command.Options.Add(option);
    }

    /// <summary>The model's folder or file.</summary>
    /// <exception cref="ConesException">There is none.</exception>
    public string Path(ParseResult parsed) =>
        parsed.GetValue(_model) is { } named ? HuggingFaceCache.Default().Resolve(named) : EmbeddedModels.Find(EmbeddedModels.Sam);

    /// <summary>The device, and the type of the weights.</summary>
    public LoadOptions Loading(ParseResult parsed) => new()
    {
        Device = ComputeDevice.Resolve(parsed.GetRequiredValue(_device)),
        Type = WeightPrecision.Find(parsed.GetRequiredValue(_precision)),
    };

    /// <summary>Where image features are kept.</summary>
    /// <exception cref="ConesException">A size is below 0.</exception>
    public CacheOptions Cache(ParseResult parsed)
    {
        var (gigabytes, megabytes) = (parsed.GetValue(_cacheSize), parsed.GetValue(_memory));
        if (!(gigabytes is >= 0 and < 1e6)) throw new ConesException($"{gigabytes} GB for image features cannot be kept: give a number from 0 (--feature-cache-size)");
        if (megabytes < 0) throw new ConesException($"{megabytes} MB for image features cannot be kept: give a number from 0 (--feature-memory)");
        return new CacheOptions
        {
            Folder = parsed.GetValue(_cache) is not { } folder ? CacheOptions.DefaultFolder : folder == NoFolder ? null : folder,
            IsOptional = parsed.GetValue(_cache) is null,
            DiskBytes = (long)(gigabytes * (1L << 30)),
            MemoryBytes = (long)megabytes << 20,
        };
    }

    /// <summary>Loads the segmenter.</summary>
    public ISegmenter Load(ParseResult parsed) => Segmenters.Load(Path(parsed), Loading(parsed));
}
