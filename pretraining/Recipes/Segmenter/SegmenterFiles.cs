using Cones.Models;
using Cones.Models.Weights;
using Cones.Pretraining.Evaluation;
using Cones.Pretraining.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes.Segmenter;

/// <summary>Makes of a run what is committed: weights in half precision, curves.</summary>
static class SegmenterFiles
{
    static readonly IReadOnlyList<(string, IReadOnlyList<string>)> s_panels =
    [
        ("losses", ["loss", "points_loss"]),
        ("mean IoU by boxes with noise, training", ["iou"]),
        ("mean IoU by true boxes, scenes not seen", ["heldout_iou", "crowd_iou", "cells_iou"]),
    ];

    /// <summary>Writes the model and curves.png.</summary>
    /// <exception cref="ConesException">The run has no model yet.</exception>
    public static void Publish(string run, string folder)
    {
        var model = Path.Combine(run, "model");
        if (!Directory.Exists(model)) throw new ConesException($"{model} does not exist: a run writes it at its first evaluation");
        Directory.CreateDirectory(folder);
        using var scope = NewDisposeScope();
        using (var checkpoint = Checkpoint.Open(model))
            ModelWriter.SaveWeights(Path.Combine(folder, "model.safetensors"), checkpoint.Tensors.Keys.ToDictionary(k => k, k => checkpoint.Read(k).to(ScalarType.Float16)));
        foreach (var file in Directory.EnumerateFiles(model).Where(f => !f.EndsWith(".safetensors", StringComparison.Ordinal)))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        RunCurves.Draw(Path.Combine(run, "metrics.jsonl"), s_panels).Save(Path.Combine(folder, "curves.png"));
    }
}
