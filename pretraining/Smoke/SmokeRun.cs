using System.Text.Json;
using Cones.Models;
using Cones.Pretraining.Training;

namespace Cones.Pretraining.Smoke;

/// <summary>
/// Runs every recipe for seconds on generated data and checks what long runs rely on: the loss falls; a run that was stopped
/// and resumed ends with the same bytes as one that was not; so does a second run of the same seed.
/// </summary>
static class SmokeRun
{
    const int StopAfter = 9;

    /// <summary>Runs all recipes below an empty folder.</summary>
    /// <exception cref="ConesException">A check failed; the message says which.</exception>
    public static void Run(string folder, TextWriter log)
    {
        var data = Path.Combine(folder, "data");
        SmokeData.Write(data);
        var whole = new RunOptions(data, Path.Combine(folder, "whole"), null, 7, 1, TextWriter.Null);
        var resumed = whole with { Runs = Path.Combine(folder, "resumed") };
        foreach (var recipe in SmokeRecipes.All)
        {
            if (!recipe.Run(whole, default)) throw new ConesException($"{recipe.Name}: the run did not end");
            while (!recipe.Run(resumed with { StopAfter = StopAfter }, default))
            {
            }

            string[] files = [.. Directory.EnumerateFiles(whole.Folder(recipe.Name), "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(whole.Runs, f))];
            foreach (var file in files)
                if (!File.ReadAllBytes(Path.Combine(whole.Runs, file)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(resumed.Runs, file))))
                    throw new ConesException($"{recipe.Name}: {file} of a run that was stopped and resumed differs from that of one that was not");
            log.WriteLine($"{recipe.Name}: {files.Length} files alike after stop and resume{Falls(whole.Folder(recipe.Name), recipe.Name)}");
        }
    }

    static string Falls(string folder, string recipe)
    {
        var metrics = Path.Combine(folder, "metrics.jsonl");
        if (!File.Exists(metrics)) return "";
        double[] losses =
        [
            .. File.ReadLines(metrics).Select(l => JsonDocument.Parse(l).RootElement).Where(e => e.TryGetProperty("loss", out _)).Select(e => e.GetProperty("loss").GetDouble()),
        ];
        if (losses[^1] >= losses[0]) throw new ConesException($"{recipe}: the loss does not fall ({losses[0]} to {losses[^1]})");
        return $", loss {losses[0]:0.000} to {losses[^1]:0.000}";
    }
}
