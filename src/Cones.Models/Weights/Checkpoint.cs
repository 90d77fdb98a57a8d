using Cones.Models.Weights.Pickle;

namespace Cones.Models.Weights;

/// <summary>Opens weights in any of the formats that models are published in.</summary>
public static class Checkpoint
{
    /// <summary>Opens a file (safetensors, PyTorch), an index of shards, or the folder of a model's component.</summary>
    /// <param name="path">
    /// The file or folder. A file's format is found from its content. In a folder safetensors come before PyTorch files, and
    /// weights without a variant before those with one.
    /// </param>
    /// <param name="variant">In a folder, the variant to take, e.g. <c>fp16</c>; null for the best one.</param>
    /// <exception cref="ConesException">There is nothing to open, or it cannot be used; the message says why.</exception>
    public static ICheckpoint Open(string path, string? variant = null) =>
        Directory.Exists(path) ? OpenFile(CheckpointFolder.FindWeights(path, variant)) : OpenFile(path);

    /// <summary>Opens a file of whatever format.</summary>
    /// <exception cref="ConesException">It does not exist or is of no known format.</exception>
    public static ICheckpoint OpenFile(string path)
    {
        var format = FormatOf(path);
        return format switch
        {
            CheckpointFormat.Safetensors => SafetensorsFile.Open(path),
            CheckpointFormat.TorchZip or CheckpointFormat.TorchLegacy => TorchCheckpoint.Open(path),
            CheckpointFormat.Sharded => ShardedCheckpoint.Open(path),

            // The reader of the format that the name promises knows best what is wrong.
            CheckpointFormat.Unknown when path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) => SafetensorsFile.Open(path),
            _ => throw new ConesException($"{path} is no file of weights: {CheckpointFormats.Explain(format) ?? "it is neither safetensors nor of torch.save"}"),
        };
    }

    /// <summary>What a file is, by its content.</summary>
    /// <exception cref="ConesException">It cannot be read.</exception>
    public static CheckpointFormat FormatOf(string path)
    {
        using var file = MappedFile.Open(path);
        return CheckpointFormats.Detect(file);
    }
}
