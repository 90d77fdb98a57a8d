using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Cones.Models;
using Cones.Models.Weights;
using Cones.Models.Weights.Pickle;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Weights;

/// <summary>
/// Damaged and hostile files. What must be refused is refused with a message that names the file; whatever happens, it takes
/// little time and memory, and no file <c>pwned</c> appears.
/// </summary>
sealed partial class HostileFilesRunner : IGoldenRunner
{
    // Generous, since the machine may be busy; an attack that works takes minutes or gigabytes.
    static readonly TimeSpan s_mostTime = TimeSpan.FromSeconds(10);
    const long MostMemory = 100 << 20;
    const long MemoryPerByte = 200;

    public IReadOnlyCollection<string> Kinds => ["weights-safetensors-malformed", "weights-torch-malicious"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var index = JsonDocument.Parse(File.ReadAllText(golden.PathOf("index.json")));
        foreach (var entry in index.RootElement.EnumerateArray())
        {
            var name = entry.GetProperty("file").GetString()!;
            var must = entry.GetProperty("must").GetString();
            Func<string, long> read = golden.Kind == "weights-torch-malicious" ? ReadTorch : ReadSafetensors;
            var reference = entry.TryGetProperty("torch_weights_only", out var verdict) ? verdict.GetString()! : "";
            CheckFile(result, golden.PathOf(name), name, must, read, reference);
            // The way that users take must be as safe; it may refuse more, e.g. a file without a state dictionary.
            CheckFile(result, golden.PathOf(name), $"{name} by content", must == "accept" ? "accept" : must == "refuse" ? "refuse" : "either", ReadAny, "");
        }

        string[] folders = [Environment.CurrentDirectory, golden.Folder, Path.GetDirectoryName(golden.Folder)!, golden.Root, Path.GetTempPath()];
        foreach (var folder in folders) result.Expect(!File.Exists(Path.Combine(folder, "pwned")), $"a file ran code: {folder} has 'pwned'");
    }

    static void CheckFile(GoldenResult result, string path, string name, string? must, Func<string, long> read, string reference)
    {
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var watch = Stopwatch.StartNew();
        string? refusal = null;
        var tensorBytes = 0L;
        try
        {
            tensorBytes = read(path);
        }
        catch (ConesException e)
        {
            refusal = e.Message;
        }

        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        result.Expect(watch.Elapsed < s_mostTime, $"{name}: took {watch.Elapsed}");
        result.Expect(allocated < MostMemory + (MemoryPerByte * new FileInfo(path).Length), $"{name}: allocated {allocated >> 20} MiB");
        result.Expect(tensorBytes < MostMemory, $"{name}: tensors of {tensorBytes >> 20} MiB");
        result.Expect(must != "refuse" || refusal is not null, $"{name}: must be refused, was read");
        result.Expect(must != "accept" || refusal is null, $"{name}: must be read, was refused: {refusal}");
        if (refusal is null) return;
        result.Expect(refusal.Contains(Path.GetFileName(path), StringComparison.Ordinal), $"{name}: the refusal does not name the file: {refusal}");
        if (ForbiddenGlobal().Match(reference) is { Success: true } forbidden)
            result.Expect(refusal.Contains(forbidden.Groups[1].Value, StringComparison.Ordinal), $"{name}: the refusal does not name {forbidden.Groups[1].Value}: {refusal}");
    }

    static long ReadSafetensors(string path)
    {
        using var file = SafetensorsFile.Open(path);
        return ReadAll(file);
    }

    static long ReadAny(string path)
    {
        using var file = Checkpoint.Open(path);
        return ReadAll(file);
    }

    static long ReadAll(ICheckpoint file) => file.Tensors.Keys.Sum(key =>
    {
        using var tensor = file.Read(key);
        return tensor.numel() * tensor.ElementSize;
    });

    static long ReadTorch(string path)
    {
        using var archive = TorchArchive.Open(path);
        var bytes = 0L;
        foreach (var tensor in TensorsIn(archive.Root))
        {
            using var read = tensor.Read();
            bytes += read.numel() * read.ElementSize;
        }

        return bytes;
    }

    // Containers may contain themselves, or each other any number of times.
    static HashSet<TorchTensor> TensorsIn(object? root)
    {
        var tensors = new HashSet<TorchTensor>();
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        var open = new Stack<object?>([root]);
        while (open.TryPop(out var value))
        {
            if (value is TorchTensor tensor) tensors.Add(tensor);
            if (value is null or string || !seen.Add(value)) continue;
            var items = value switch
            {
                TorchDictionary dictionary => dictionary.Select(i => i.Value),
                IReadOnlyList<object?> list => list,
                _ => [],
            };
            foreach (var item in items) open.Push(item);
        }

        return tensors;
    }

    [GeneratedRegex(@"Unsupported global: GLOBAL (?:.*\.)?(\w+) was not")]
    private static partial Regex ForbiddenGlobal();
}
