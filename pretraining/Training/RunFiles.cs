using System.Text.Json;
using Cones.Models;

namespace Cones.Pretraining.Training;

/// <summary>The files of a run's folder.</summary>
sealed class RunFiles : IDisposable
{
    readonly FileStream _lock;
    readonly FileStream _metrics;

    /// <summary>Opens the folder, for this process alone.</summary>
    /// <exception cref="ConesException">Another process runs in it.</exception>
    public RunFiles(string folder)
    {
        Folder = folder;
        Directory.CreateDirectory(Path.Combine(folder, "sheets"));
        var path = Path.Combine(folder, "run.lock");
        try
        {
            _lock = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException e)
        {
            throw new ConesException($"{folder} is in use by another process ({path} is locked): stop it, or choose another --runs folder", e);
        }

        _metrics = new FileStream(Path.Combine(folder, "metrics.jsonl"), FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0);
        _metrics.Seek(0, SeekOrigin.End);
    }

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>The exported model.</summary>
    public string Model => Path.Combine(Folder, "model");

    /// <summary>Bytes of the metrics.</summary>
    public long MetricsLength => _metrics.Length;

    /// <summary>The checkpoint of a run's folder.</summary>
    public static string Checkpoint(string folder) => Path.Combine(folder, "checkpoint.safetensors");

    /// <summary>Cuts off the metrics that a checkpoint does not know of.</summary>
    public void CutMetrics(long length)
    {
        _metrics.SetLength(Math.Min(length, _metrics.Length));
        _metrics.Seek(0, SeekOrigin.End);
    }

    /// <summary>The sheet of a step.</summary>
    public string Sheet(long step) => Path.Combine(Folder, "sheets", $"{step:D7}.png");

    /// <summary>Appends numbers of a step; the same run writes the same bytes.</summary>
    public void Log(long step, IEnumerable<KeyValuePair<string, double>> numbers)
    {
        using var line = new MemoryStream();
        using (var json = new Utf8JsonWriter(line))
        {
            json.WriteStartObject();
            json.WriteNumber("step", step);
            foreach (var (name, value) in numbers)
            {
                // Six digits are plenty for curves; JSON has no NaN.
                if (double.IsFinite(value)) json.WriteNumber(name, double.Parse(value.ToString("G6")));
                else json.WriteNull(name);
            }

            json.WriteEndObject();
        }

        line.WriteByte((byte)'\n');
        _metrics.Write(line.GetBuffer().AsSpan(0, (int)line.Length));
    }

    /// <summary>Brings the metrics to the disk.</summary>
    public void Flush() => _metrics.Flush(flushToDisk: true);

    /// <inheritdoc/>
    public void Dispose()
    {
        _metrics.Dispose();
        _lock.Dispose();
    }
}
