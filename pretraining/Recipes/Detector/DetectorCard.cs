using System.Globalization;
using System.Text.RegularExpressions;
using Cones.Models;
using Cones.Models.Weights;
using Cones.Pretraining.Evaluation;
using Cones.Pretraining.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes.Detector;

/// <summary>Makes of a run what is committed: weights in half precision, card, curves.</summary>
static partial class DetectorCard
{
    static readonly IReadOnlyList<(string, IReadOnlyList<string>)> s_panels =
    [
        ("losses", ["loss_token", "loss_box", "loss_in_caption", "loss_across_images"]),
        ("best name in the caption; cosine of names", ["in_caption_accuracy", "in_caption_chance", "name_cosine"]),
        ("average precision", ["first_ap", "later_ap", "heldout_ap", "pairs_ap", "unseen_pairs_ap"]),
    ];

    /// <summary>Copies a run's model with weights in float16.</summary>
    /// <exception cref="ConesException">The run has no model yet.</exception>
    public static void CopyWeights(string run, string folder)
    {
        var model = Path.Combine(run, "model");
        if (!Directory.Exists(model)) throw new ConesException($"{model} does not exist: a run writes it at its first evaluation");
        Directory.CreateDirectory(folder);
        using var scope = NewDisposeScope();
        using (var checkpoint = Checkpoint.Open(model))
            ModelWriter.SaveWeights(Path.Combine(folder, "model.safetensors"), checkpoint.Tensors.Keys.ToDictionary(k => k, k => checkpoint.Read(k).to(ScalarType.Float16)));
        foreach (var file in Directory.EnumerateFiles(model).Where(f => !f.EndsWith(".safetensors", StringComparison.Ordinal)))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
    }

    /// <summary>Writes README.md and the curves: curves.png, and curves-last.png where there were two runs.</summary>
    /// <param name="run">The run's folder.</param>
    /// <param name="begunWith">The folder of the run that it began with, or null.</param>
    /// <param name="folder">The model's folder.</param>
    /// <param name="state">How far it has been trained.</param>
    /// <param name="parameters">The number of weights.</param>
    /// <param name="scores">The scores.</param>
    public static void Write(string run, string? begunWith, string folder, string state, long parameters, IReadOnlyDictionary<string, double> scores)
    {
        var values = scores.ToDictionary(s => s.Key, s => s.Value.ToString(s.Key.Contains("_ap", StringComparison.Ordinal) ? "0.0" : "0.00", CultureInfo.InvariantCulture));
        values["state"] = state;
        values["last_curves"] = begunWith is null ? "" : "![curves of the last stage](curves-last.png)";
        values["parameters"] = $"{parameters / 1e6:0.0} M";
        using var stream = typeof(DetectorCard).Assembly.GetManifestResourceStream("detector-card.md")!;
        using var reader = new StreamReader(stream);
        ModelWriter.WriteText(Path.Combine(folder, "README.md"), Fields().Replace(reader.ReadToEnd(), m => values.GetValueOrDefault(m.Groups[1].Value, "not measured")));
        Draw(begunWith ?? run, "curves.png");
        if (begunWith is not null) Draw(run, "curves-last.png");

        void Draw(string of, string file) => RunCurves.Draw(Path.Combine(of, "metrics.jsonl"), s_panels).Save(Path.Combine(folder, file));
    }

    [GeneratedRegex("{([a-z0-9_]+)}")]
    private static partial Regex Fields();
}
