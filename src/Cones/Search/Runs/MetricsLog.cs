using System.Text.Json;
using Cones.Models.Weights;

namespace Cones.Search.Runs;

/// <summary>
/// <c>metrics.jsonl</c>: numbers of every step, without times. A checkpoint knows the length that belongs to it, so that a
/// resumed run takes up the file exactly there.
/// </summary>
sealed class MetricsLog : IDisposable
{
    readonly FileStream _file;
    readonly MemoryStream _line = new();

    /// <summary>Opens the file and cuts off what comes after <paramref name="length"/>.</summary>
    public MetricsLog(string path, long length)
    {
        _file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0);
        FolderSync.Flush(Path.GetDirectoryName(Path.GetFullPath(path))!);
        Complete = _file.Length >= length;
        _file.SetLength(Math.Min(length, _file.Length));
        _file.Seek(0, SeekOrigin.End);
    }

    /// <summary>Whether the file had the length asked for.</summary>
    public bool Complete { get; }

    public long Length => _file.Length;

    public void Step(int step, double loss, double rate, double norm, bool skipped) => Write(json =>
    {
        json.WriteNumber("step", step);
        WriteFinite(json, "loss", loss);
        json.WriteNumber("learning_rate", rate);
        WriteFinite(json, "gradient_norm", norm);
        if (skipped) json.WriteBoolean("skipped", true);
    });

    public void Evaluation(int step, SearchEvaluation evaluation, bool best) => Write(json =>
    {
        json.WriteNumber("step", step);
        WriteFinite(json, "evaluation_loss", evaluation.Loss);
        if (evaluation.Score is { } score) WriteFinite(json, "evaluation_score", score);
        json.WriteBoolean("best", best);
    });

    /// <summary>Brings everything to the disk.</summary>
    public void Flush() => _file.Flush(flushToDisk: true);

    public void Dispose()
    {
        _file.Dispose();
        _line.Dispose();
    }

    void Write(Action<Utf8JsonWriter> properties)
    {
        _line.SetLength(0);
        using (var json = new Utf8JsonWriter(_line))
        {
            json.WriteStartObject();
            properties(json);
            json.WriteEndObject();
        }

        _line.WriteByte((byte)'\n');
        _file.Write(_line.GetBuffer().AsSpan(0, (int)_line.Length));
    }

    // JSON has no NaN and no infinity.
    static void WriteFinite(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value)) json.WriteNumber(name, value);
        else json.WriteNull(name);
    }
}
