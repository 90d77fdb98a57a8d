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
    readonly GroundingLoss _grounding;
    readonly GlipLoss _loss;
    readonly BertTokenizer _tokenizer;
    readonly string _vocabulary;
    readonly Curriculum _curriculum;
    readonly DetectorScores _scores;

    /// <summary>The task with a fresh model.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="plan">The run's numbers.</param>
    /// <param name="curriculum">The scenes.</param>
    /// <param name="pack">The emoji.</param>
    /// <param name="vocabulary">The folder of the vocabulary.</param>
    /// <param name="evaluation">Scenes for each score.</param>
    public DetectorTask(GlipConfig config, TrainingPlan plan, Curriculum curriculum, IconPack pack, string vocabulary, int evaluation)
    {
        (_plan, _curriculum, _vocabulary) = (plan, curriculum, vocabulary);
        _tokenizer = BertTokenizer.FromFolder(vocabulary);
        _model = new GlipModel(config, _tokenizer);
        _loss = new GlipLoss(config.Loss);
        DetectorWeights.Fill(_model, plan.Seed);
        _grounding = new GroundingLoss(config.Head.Channels, config.Bert.HiddenSize);
        Initialization.Fill(_grounding, plan.Seed, "grounding");
        using (no_grad()) _grounding.NamedWeights().Single(w => w.Key == "scale").Value.Assign(tensor([(float)Math.Log(10)]));
        Parts = [new TrainedPart("glip", _model, 1, DetectorWeights.RateFactor), new TrainedPart("grounding", _grounding)];
        _scores = new DetectorScores(pack, evaluation);
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
        var acrossImages = _grounding.AcrossImages(batch, levels, hidden, metrics);
        metrics["loss_token"] = losses.Token.item<float>();
        metrics["loss_box"] = losses.Box.item<float>();
        metrics["loss_centerness"] = losses.Centerness.item<float>();
        metrics["loss_in_caption"] = inCaption.item<float>();
        metrics["loss_across_images"] = acrossImages.item<float>();
        return (losses.Total + inCaption + acrossImages).MoveToOuterDisposeScope();
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
        _grounding.Dispose();
    }
}
