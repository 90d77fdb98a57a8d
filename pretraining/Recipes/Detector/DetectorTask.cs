using Cones.Models.Glip;
using Cones.Models.Glip.Configuration;
using Cones.Models.Glip.Training;
using Cones.Models.Tokenizers;
using Cones.Pretraining.Data;
using Cones.Pretraining.Evaluation;
using Cones.Pretraining.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Recipes.Detector;

/// <summary>Trains a <see cref="GlipModel"/> on drawn scenes and captions.</summary>
sealed class DetectorTask : ITrainingTask
{
    readonly TrainingPlan _plan;
    readonly GlipModel _model;
    readonly GroundingLoss? _grounding;
    readonly GlipLoss _loss;
    readonly BertTokenizer _tokenizer;
    readonly string _vocabulary;
    readonly Curriculum _curriculum;
    readonly DetectorScores _scores;

    /// <summary>The task with a fresh model, or with one that is trained already.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="plan">The run's numbers.</param>
    /// <param name="curriculum">The scenes.</param>
    /// <param name="pack">The emoji.</param>
    /// <param name="vocabulary">The folder of the vocabulary.</param>
    /// <param name="evaluation">Scenes for each score.</param>
    /// <param name="start">A model's folder to begin with, or null for random weights.</param>
    public DetectorTask(GlipConfig config, TrainingPlan plan, Curriculum curriculum, IconPack pack, string vocabulary, int evaluation, string? start = null)
    {
        (_plan, _curriculum, _vocabulary) = (plan, curriculum, vocabulary);
        _tokenizer = BertTokenizer.FromFolder(vocabulary);
        _model = new GlipModel(config, _tokenizer);
        _loss = new GlipLoss(config.Loss);
        Parts = [new TrainedPart("glip", _model, 1, DetectorWeights.RateFactor)];
        _scores = new DetectorScores(pack, evaluation);
        if (start is not null)
        {
            // Its words mean something already: nothing has to be compared across images, which would take weights that no model folder has.
            DetectorWeights.Copy(start, _model);
            return;
        }

        DetectorWeights.Fill(_model, plan.Seed);
        _grounding = new GroundingLoss(config.Head.Channels, config.Bert.HiddenSize);
        Initialization.Fill(_grounding, plan.Seed, "grounding");
        using (no_grad()) _grounding.NamedWeights().Single(w => w.Key == "scale").Value.Assign(tensor([(float)Math.Log(10)]));
        Parts = [.. Parts, new TrainedPart("grounding", _grounding)];
    }

    /// <inheritdoc/>
    public IReadOnlyList<TrainedPart> Parts { get; }

    /// <inheritdoc/>
    public Tensor Loss(long step, Dictionary<string, double> metrics)
    {
        using var scope = NewDisposeScope();
        using var batch = new DetectorBatch(_model.Config, _tokenizer, _curriculum.Scenes(step, _plan.Batch));
        var hidden = _model.EncodeText(batch.Ids, batch.Mask);
        var levels = _model.EncodeImage(batch.Pixels);
        var outputs = _model.Forward(levels, hidden, batch.Mask);
        var losses = _loss.Compute(outputs, batch.Assignments, batch.PositiveMap, batch.Mask);
        var inCaption = GroundingLoss.InCaption(batch, cat([.. outputs.Logits], 1), metrics);
        metrics["loss_token"] = losses.Token.item<float>();
        metrics["loss_box"] = losses.Box.item<float>();
        metrics["loss_centerness"] = losses.Centerness.item<float>();
        metrics["loss_in_caption"] = inCaption.item<float>();
        var total = losses.Total + inCaption;
        if (_grounding is null) return total.MoveToOuterDisposeScope();
        var acrossImages = _grounding.AcrossImages(batch, levels, hidden, metrics);
        metrics["loss_across_images"] = acrossImages.item<float>();
        return (total + acrossImages).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate() => _scores.Compute(_model);

    /// <inheritdoc/>
    public void DrawSheet(string path) => _scores.DrawSheet(_model, path);

    /// <inheritdoc/>
    public void Export(string folder)
    {
        Directory.CreateDirectory(folder);
        ModelWriter.WriteJson(Path.Combine(folder, "glip_config.json"), DetectorConfigs.Json(_model.Config));
        ModelWriter.SaveWeights(Path.Combine(folder, "model.safetensors"), ModelWriter.Weights(_model));
        foreach (var file in Directory.EnumerateFiles(_vocabulary)) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _model.Dispose();
        _grounding?.Dispose();
    }
}
