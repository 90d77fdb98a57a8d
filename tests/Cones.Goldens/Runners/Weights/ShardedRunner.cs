using Cones.Models;
using Cones.Models.Weights;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Weights;

/// <summary>A checkpoint in several files; bad indexes must be refused with a message that names them.</summary>
sealed class ShardedRunner : IGoldenRunner
{
    // The total size is information only.
    static readonly string[] s_harmless = ["wrong_total"];

    public IReadOnlyCollection<string> Kinds => ["weights-sharded"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var expected = SafetensorsFile.Open(golden.PathOf("expected.safetensors"));
        foreach (var index in Directory.EnumerateFiles(golden.Folder, "*.index*.json")) CheckGood(result, index, expected);
        using (var folder = Checkpoint.Open(golden.Folder)) result.ExpectEqual(expected.Tensors.Count, folder.Tensors.Count, "opened as a folder");

        if (!Directory.Exists(golden.PathOf("bad"))) return;
        foreach (var bad in Directory.EnumerateFiles(golden.PathOf("bad"), "*.json"))
        {
            // In place of the good index, beside the shards.
            using var folder = new TemporaryFolder();
            foreach (var shard in Directory.EnumerateFiles(golden.Folder).Where(f => !f.EndsWith(".json", StringComparison.Ordinal)))
                File.Copy(shard, folder.PathOf(Path.GetFileName(shard)));
            var index = folder.PathOf(Path.GetFileName(bad));
            File.Copy(bad, index);
            if (s_harmless.Any(h => Path.GetFileName(bad).StartsWith(h, StringComparison.Ordinal))) CheckGood(result, index, expected);
            else CheckRefused(result, index);
        }
    }

    static void CheckGood(GoldenResult result, string index, SafetensorsFile expected)
    {
        using var checkpoint = ShardedCheckpoint.Open(index);
        result.ExpectSequence(expected.Tensors.Keys.Order(StringComparer.Ordinal), checkpoint.Tensors.Keys.Order(StringComparer.Ordinal), $"{Path.GetFileName(index)}: keys");
        foreach (var key in checkpoint.Tensors.Keys)
        {
            using var scope = NewDisposeScope();
            ExactComparison.Check(result, $"{Path.GetFileName(index)}: {key}", checkpoint.Read(key), expected.Read(key));
        }
    }

    static void CheckRefused(GoldenResult result, string index)
    {
        try
        {
            ShardedCheckpoint.Open(index).Dispose();
            result.Fail($"{Path.GetFileName(index)}: must be refused, was read");
        }
        catch (ConesException e)
        {
            result.Expect(e.Message.Contains(Path.GetFileName(index), StringComparison.Ordinal), $"{Path.GetFileName(index)}: the refusal does not name it: {e.Message}");
        }
    }
}
