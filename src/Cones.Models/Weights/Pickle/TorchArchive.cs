namespace Cones.Models.Weights.Pickle;

/// <summary>
/// A file of <c>torch.save</c> (.pt, .pth, .bin, .ckpt), zip or legacy format, as plain objects. Only names that files of weights
/// need are understood; every other one is refused, so nothing in a file can run.
/// </summary>
public sealed class TorchArchive : IDisposable
{
    readonly MappedFile _file;

    TorchArchive(MappedFile file, CheckpointFormat format)
    {
        _file = file;
        Format = format;
        Root = format switch
        {
            CheckpointFormat.TorchZip => ZipStorages.Load(file),
            CheckpointFormat.TorchLegacy => LegacyStorages.Load(file),
            _ => throw new InvalidDataException(CheckpointFormats.Explain(format) ?? "it is neither a zip archive nor a pickle"),
        };
    }

    /// <summary>The file.</summary>
    public string Path => _file.Path;

    /// <summary><see cref="CheckpointFormat.TorchZip"/> or <see cref="CheckpointFormat.TorchLegacy"/>.</summary>
    public CheckpointFormat Format { get; }

    /// <summary>
    /// What was saved: null, <see cref="bool"/>, <see cref="long"/>, <see cref="System.Numerics.BigInteger"/>,
    /// <see cref="double"/>, <see cref="string"/>, bytes, <see cref="TorchTensor"/>, <see cref="TorchDictionary"/>,
    /// <see cref="TorchName"/>, or a list or tuple of these as <see cref="IReadOnlyList{T}"/> of <see cref="object"/>.
    /// </summary>
    /// <remarks>A hostile file may nest containers deeply, share them, or put one into itself.</remarks>
    public object? Root { get; }

    /// <summary>Opens a file and reads its objects, but no tensor's data.</summary>
    /// <exception cref="ConesException">It cannot be read, is damaged, or asks for more than weights; the message says what.</exception>
    public static TorchArchive Open(string path)
    {
        var file = MappedFile.Open(path);
        try
        {
            return new TorchArchive(file, CheckpointFormats.Detect(file));
        }
        catch (InvalidDataException e)
        {
            file.Dispose();
            var remedy = e.Message.Contains("; ", StringComparison.Ordinal) ? "" : "; download it again, or use a safetensors version of it";
            throw new ConesException($"{path} cannot be read as a PyTorch file: {e.Message}{remedy}", e);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
