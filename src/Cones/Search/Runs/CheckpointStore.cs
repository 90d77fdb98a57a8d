using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cones.Models;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Search.Runs;

/// <summary>
/// The checkpoints of a run folder: one safetensors file each, written atomically, with a digest of all that it holds. Equal
/// states have equal bytes.
/// </summary>
sealed class CheckpointStore(RunFolder folder, string fingerprint, SearchOptions options)
{
    const string Format = "cones.search";
    const string Version = "1";
    const string Suffix = ".safetensors";
    const string DamagedSuffix = ".damaged";

    /// <summary>Saves a state and removes the oldest checkpoints beyond the number that is kept.</summary>
    public string Save(SearchState state)
    {
        var tensors = state.Tensors(out var made);
        try
        {
            var metadata = new Dictionary<string, string>
            {
                ["format"] = Format,
                ["format_version"] = Version,
                ["fingerprint"] = fingerprint,
                ["options"] = SearchOptionsJson.ToJson(options).ToJsonString(),
                ["state"] = state.CountersJson(),
            };
            metadata["digest"] = Digest(tensors, metadata);
            var path = PathOf(state.Count.Step);
            SafetensorsWriter.Write(path, tensors, metadata);
            foreach (var old in Existing().Where(c => c.Step < state.Count.Step).Skip(options.KeepCheckpoints - 1)) File.Delete(old.Path);
            return path;
        }
        finally
        {
            foreach (var tensor in made) tensor.Dispose();
        }
    }

    /// <summary>Loads the newest checkpoint that is whole.</summary>
    /// <returns>False where there is none at all: the search begins.</returns>
    /// <exception cref="ConesException">It belongs to another search, or none is whole.</exception>
    public bool LoadLatest(SearchState state, Action<string> warn)
    {
        var damaged = new List<string>();
        foreach (var (_, path) in Existing())
        {
            if (TryLoad(path, state) is not { } problem)
            {
                // Out of the way: what follows from here is written anew.
                foreach (var file in damaged) File.Move(file, file + DamagedSuffix, overwrite: true);
                return true;
            }

            damaged.Add(path);
            warn($"{path} is damaged ({problem}): the checkpoint before it is used");
        }

        return damaged.Count == 0
            ? false
            : throw new ConesException($"no checkpoint in {folder.CheckpointFolder} is whole: remove that folder to begin anew");
    }

    string PathOf(int step) => Path.Combine(folder.CheckpointFolder, $"step-{step.ToString("D8", CultureInfo.InvariantCulture)}{Suffix}");

    IEnumerable<(int Step, string Path)> Existing() =>
        Directory.EnumerateFiles(folder.CheckpointFolder, "step-*" + Suffix)
            .Select(p => (Step: int.TryParse(Path.GetFileName(p)[5..^Suffix.Length], NumberStyles.None, CultureInfo.InvariantCulture, out var s) ? s : -1, Path: p))
            .Where(c => c.Step >= 0)
            .OrderByDescending(c => c.Step)
            .ToArray();

    // Why a file is no whole checkpoint, or null once it is loaded.
    string? TryLoad(string path, SearchState state)
    {
        using var scope = NewDisposeScope();
        SafetensorsFile file;
        try
        {
            file = SafetensorsFile.Open(path);
        }
        catch (ConesException e)
        {
            return e.Message;
        }

        using (file)
        {
            var metadata = file.Metadata;
            if (metadata.GetValueOrDefault("format") != Format) return "it is no checkpoint of a search";
            if (metadata.GetValueOrDefault("format_version") != Version)
                throw new ConesException($"{path} has checkpoint format version '{metadata.GetValueOrDefault("format_version")}', this program reads {Version}: update cones");
            var tensors = new SortedDictionary<string, Tensor>(file.Tensors.Keys.ToDictionary(k => k, k => file.Read(k)), StringComparer.Ordinal);
            if (metadata.GetValueOrDefault("digest") != Digest(tensors, metadata)) return "its digest does not fit";

            var stored = SearchOptionsJson.FromJson(JsonNode.Parse(metadata["options"])!, path);
            RunFolder.RequireSame(path, metadata["fingerprint"], stored, fingerprint, options);
            try
            {
                state.Load(tensors, metadata["state"]);
                return null;
            }
            catch (Exception e) when (e is ArgumentException or JsonException)
            {
                throw new ConesException($"{path} does not fit this search ({e.Message}): choose another folder", e);
            }
        }
    }

    static string Digest(SortedDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using var noGrad = no_grad();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, text) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
            if (name != "digest") hash.AppendData(Encoding.UTF8.GetBytes($"{name}={text}\n"));
        foreach (var (name, value) in tensors)
        {
            using var scope = NewDisposeScope();
            hash.AppendData(Encoding.UTF8.GetBytes($"{name} {value.dtype} [{string.Join(",", value.shape)}]\n"));
            var flat = value.detach().cpu().contiguous().view(-1);
            const long Piece = 1L << 26; // a span ends at 2 GB
            for (long start = 0; start < flat.shape[0]; start += Piece)
                hash.AppendData(flat.narrow(0, start, Math.Min(Piece, flat.shape[0] - start)).bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
