using System.Text.Json;
using System.Text.Json.Serialization;
using Cones.Models;
using Cones.Models.Weights;

namespace Cones.Cli.Compare.Jobs;

/// <summary>The folder of a comparison: <c>jobs/KEY/</c> with <c>job.json</c>, <c>result.json</c>, <c>log.txt</c> each, <c>data/</c>, the report.</summary>
sealed class JobStore(string root)
{
    const int KeyDigits = 16;

    static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>The folder.</summary>
    public string Root => root;

    /// <summary>Data that is made for the comparison, e.g. few-shot subsets.</summary>
    public string DataFolder => Path.Combine(root, "data");

    /// <summary>The folder of a job.</summary>
    public string FolderOf(JobSpec job) => Path.Combine(root, "jobs", job.Key[..KeyDigits]);

    /// <summary>What a worker and the job itself say.</summary>
    public string LogOf(JobSpec job) => Path.Combine(FolderOf(job), "log.txt");

    /// <summary>The data folder that belongs to a job's folder.</summary>
    public static string DataFolderOf(string jobFolder) => Path.GetFullPath(Path.Combine(jobFolder, "..", "..", "data"));

    /// <summary>Writes what a worker is to do.</summary>
    public void Prepare(JobSpec job)
    {
        Directory.CreateDirectory(FolderOf(job));
        Write(Path.Combine(FolderOf(job), "job.json"), job);
    }

    /// <summary>Reads what a worker is to do.</summary>
    /// <exception cref="ConesException">The folder holds no job.</exception>
    public static JobSpec ReadJob(string folder) =>
        Read<JobSpec>(Path.Combine(folder, "job.json")) ?? throw new ConesException($"{folder} holds no job: this option is for `cones compare` itself");

    /// <summary>The result of a job, or null where there is none (a damaged one counts as none: the job runs again).</summary>
    public JobResult? Result(JobSpec job) => ReadResult(FolderOf(job), job.Key);

    /// <summary>The result in a job's folder, or null.</summary>
    public static JobResult? ReadResult(string folder, string key) =>
        Read<JobResult>(Path.Combine(folder, "result.json")) is { } result && result.Key == key ? result : null;

    /// <summary>Writes a result: whoever looks finds all of it or none.</summary>
    public static void WriteResult(string folder, JobResult result) => Write(Path.Combine(folder, "result.json"), result);

    static void Write<T>(string path, T value) => AtomicFile.Write(path, s => JsonSerializer.Serialize(s, value, s_json));

    static T? Read<T>(string path)
        where T : class
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<T>(File.ReadAllBytes(path), s_json) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
