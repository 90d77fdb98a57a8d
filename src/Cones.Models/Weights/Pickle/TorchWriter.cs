using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Weights.Pickle;

/// <summary>Writes files that <c>torch.load</c> reads (also with <c>weights_only=True</c>): the zip format of PyTorch 1.6 and later.</summary>
public static class TorchWriter
{
    /// <summary>Writes <paramref name="root"/> to <paramref name="path"/>, atomically (<see cref="AtomicFile"/>).</summary>
    /// <param name="path">The file to make or to replace.</param>
    /// <param name="root">
    /// Null, bool, int, long, float, double, string, a <see cref="Tensor"/> of any device and stride, or dictionaries with text
    /// keys and lists of these. A tensor keeps its <c>requires_grad</c>.
    /// </param>
    /// <exception cref="ConesException">The file cannot be written.</exception>
    /// <exception cref="NotSupportedException">There is an object of another type.</exception>
    public static void Write(string path, object? root)
    {
        var (pickle, storages) = Pickler.Write(root);
        var folder = Path.GetFileNameWithoutExtension(path) is { Length: > 0 } stem ? stem : "archive";
        AtomicFile.Write(path, stream =>
        {
            var zip = new StoredZipWriter(stream);
            Add("data.pkl", pickle);
            Add(".format_version", "1"u8.ToArray());
            Add(".storage_alignment", Encoding.ASCII.GetBytes($"{StoredZipWriter.Alignment}"));
            Add("byteorder", "little"u8.ToArray());
            for (var i = 0; i < storages.Count; i++)
            {
                using var content = new MemoryStream();
                TensorBytes.Write(storages[i], content);
                Add($"data/{i}", content.ToArray());
            }

            Add("version", "3\n"u8.ToArray());
            zip.Finish();

            void Add(string name, byte[] content) => zip.Add($"{folder}/{name}", content);
        });
    }
}
