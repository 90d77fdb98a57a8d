using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cones.Models;
using Cones.Models.Weights;

namespace Cones.Search.Runs;

/// <summary>What to do with a run that a folder holds already.</summary>
public enum RunStart
{
    /// <summary>Go on with it; begin where there is none.</summary>
    ResumeOrNew,

    /// <summary>Begin; a folder that holds a run is refused.</summary>
    New,

    /// <summary>Go on with it; a folder that holds none is refused.</summary>
    Resume,
}

/// <summary>
/// The folder of one search: <c>options.json</c>, <c>metrics.jsonl</c>, TensorBoard's event files, <c>checkpoints/</c> and
/// <c>previews/</c>. While this object lives, no other process (and no other object) can open the same folder.
/// </summary>
public sealed class RunFolder : IDisposable
{
    const string LockName = "run.lock";

    static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    // What a run may make, beside the lock.
    static readonly string[] s_folders = ["checkpoints", "previews", "unet"];
    static readonly string[] s_files = ["options.json", "metrics.jsonl", "events.out.tfevents.*", "*.tmp"];

    readonly FileStream _lock;

    RunFolder(string path, FileStream runLock, JsonObject? details)
    {
        Path = path;
        _lock = runLock;
        Details = details;
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>The resolved options of the run and what it was started on.</summary>
    public string OptionsPath => System.IO.Path.Combine(Path, "options.json");

    /// <summary>One JSON object a line: every step and every evaluation. It holds no times: equal runs have equal bytes.</summary>
    public string MetricsPath => System.IO.Path.Combine(Path, "metrics.jsonl");

    /// <summary>The checkpoints.</summary>
    public string CheckpointFolder => System.IO.Path.Combine(Path, "checkpoints");

    /// <summary>The previews.</summary>
    public string PreviewFolder => System.IO.Path.Combine(Path, "previews");

    /// <summary>Whether the folder holds a run, finished or not.</summary>
    public bool HasRun => File.Exists(OptionsPath);

    /// <summary>Options of the caller's own, kept in <c>options.json</c> under <c>details</c> for the reader; or null.</summary>
    JsonObject? Details { get; }

    /// <summary>Opens or makes a folder and locks it.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="start">What to do with a run that is there.</param>
    /// <param name="details">The caller's own options (model, data, task), to be kept with the run.</param>
    /// <exception cref="ConesException">The folder is in use, cannot be written, or does not suit <paramref name="start"/>.</exception>
    public static RunFolder Open(string path, RunStart start = RunStart.ResumeOrNew, JsonObject? details = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        FileStream runLock;
        try
        {
            Directory.CreateDirectory(path);
            runLock = Lock(path);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new ConesException($"{path} cannot be written: choose another folder", e);
        }
        catch (IOException e)
        {
            throw new ConesException($"{path} cannot be made a folder ({e.Message}): choose another one", e);
        }

        var folder = new RunFolder(path, runLock, details);
        try
        {
            if (start == RunStart.New && folder.HasRun) throw new ConesException($"{path} already holds a run: resume it, or choose another folder");
            if (start == RunStart.Resume && !folder.HasRun) throw new ConesException($"{path} holds no run to resume: is it the right folder?");
            Directory.CreateDirectory(folder.CheckpointFolder);
            Directory.CreateDirectory(folder.PreviewFolder);
            FolderSync.Flush(path);
            if (System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path)) is { } parent) FolderSync.Flush(parent);
            // What a killed process left half-written.
            foreach (var file in Directory.EnumerateFiles(path, "*.tmp").Concat(Directory.EnumerateFiles(folder.CheckpointFolder, "*.tmp")))
                File.Delete(file);
            return folder;
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>Removes the run that a folder holds, and the folder if nothing else is in it. Does nothing where there is none.</summary>
    /// <exception cref="ConesException">The folder is in use, or cannot be removed.</exception>
    public static void Remove(string path)
    {
        if (!Directory.Exists(path)) return;
        try
        {
            // Only what a run makes: the folder may have been named by mistake.
            using (Lock(path))
            {
                foreach (var folder in Directory.EnumerateDirectories(path).Where(f => s_folders.Contains(System.IO.Path.GetFileName(f))))
                    Directory.Delete(folder, recursive: true);
                foreach (var file in s_files.SelectMany(pattern => Directory.EnumerateFiles(path, pattern))) File.Delete(file);
            }

            File.Delete(System.IO.Path.Combine(path, LockName));
            if (!Directory.EnumerateFileSystemEntries(path).Any()) Directory.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConesException($"the run in {path} cannot be removed ({e.Message}): choose another folder (--run)", e);
        }
    }

    /// <summary>Releases the folder.</summary>
    public void Dispose() => _lock.Dispose();

    /// <summary>Refuses a run of another problem or with other options; a folder without a run suits every search.</summary>
    /// <exception cref="ConesException">The stored run cannot go on like this.</exception>
    internal void RequireSame(string fingerprint, SearchOptions options)
    {
        if (!HasRun) return;
        JsonNode? stored;
        try
        {
            stored = JsonNode.Parse(File.ReadAllBytes(OptionsPath));
        }
        catch (JsonException e)
        {
            throw new ConesException($"{OptionsPath} is damaged: choose another folder", e);
        }

        if (stored is not JsonObject root || root["search"] is not { } search || root["fingerprint"] is not JsonValue print || !print.TryGetValue(out string? text))
            throw new ConesException($"{OptionsPath} is damaged: choose another folder");
        if (text != fingerprint && Details is not null && root["details"] is JsonObject details && SearchOptionsJson.Difference(details, Details, "") is { } difference)
            throw Other(OptionsPath, difference);
        RequireSame(OptionsPath, text, SearchOptionsJson.FromJson(search, OptionsPath), fingerprint, options);
    }

    /// <summary>As above, for what any file of the run has stored.</summary>
    internal static void RequireSame(string file, string storedFingerprint, SearchOptions stored, string fingerprint, SearchOptions options)
    {
        if (storedFingerprint != fingerprint)
            throw new ConesException($"{file} belongs to a search on another model, other data or other task options: choose another folder (--run), or begin anew (--restart)");
        if (SearchOptionsJson.Difference(stored, options) is { } difference) throw Other(file, difference);
    }

    static ConesException Other(string file, string difference) =>
        new($"{file} belongs to a search with other options ({difference}): use the same ones, choose another folder (--run), or begin anew (--restart)");

    internal void WriteOptions(string fingerprint, SearchOptions options)
    {
        var root = new JsonObject { ["format"] = 1, ["fingerprint"] = fingerprint, ["search"] = SearchOptionsJson.ToJson(options) };
        if (Details is not null) root["details"] = Details.DeepClone();
        AtomicFile.Write(OptionsPath, s => s.Write(Encoding.UTF8.GetBytes(root.ToJsonString(s_indented) + "\n")));
    }

    static FileStream Lock(string path)
    {
        var file = System.IO.Path.Combine(path, LockName);
        try
        {
            // The operating system releases it with the process, however that ends; the file itself means nothing.
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (File.Exists(file))
        {
            throw new ConesException($"{path} is in use by another search: wait for it, or choose another folder", e);
        }
    }
}
