using Cones.Models.Glip;
using Cones.Models.Glip.Detection;
using Cones.Models.Glip.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Glip;

/// <summary>A batch of images with boxes, whose losses depend on a text: levels and assignments are made once, as a search does.</summary>
sealed class GlipTraining
{
    readonly GoldenCase _golden;
    readonly GlipModel _model;
    readonly GlipLoss _loss;
    readonly AtssAssignment[] _assignments;

    public GlipTraining(GoldenCase golden, GlipModel model)
    {
        _golden = golden;
        _model = model;
        _loss = new GlipLoss(model.Config.Loss) { TeachesLastColumn = true };
        Levels = model.EncodeImage(golden.Tensors["in.images"]);
        var anchors = GlipAnchors.Create(model.Config.Anchors, [.. Levels.Select(l => new Models.Imaging.ImageSize((int)l.shape[2], (int)l.shape[3]))]);
        var assigner = new AtssAssigner(model.Config.Loss);
        _assignments = [.. GlipCase.Boxes(golden).Select(b => assigner.Assign(anchors, b))];
    }

    public IReadOnlyList<Tensor> Levels { get; }

    public GlipLosses Losses(Tensor hidden)
    {
        var mask = _golden.Tensors["in.masks"];
        return _loss.Compute(_model.Forward(Levels, hidden, mask), _assignments, _golden.Tensors["in.positive_map"], mask);
    }

    /// <summary>The losses with the text cut to its valid tokens.</summary>
    public GlipLosses CutLosses(Tensor hidden)
    {
        var mask = _golden.Tensors["in.masks"];
        var valid = GlipCase.Longest(mask);
        mask = mask.narrow(1, 0, valid);
        var outputs = _model.Forward(Levels, hidden.narrow(1, 0, valid), mask);
        return new GlipLoss(_model.Config.Loss).Compute(outputs, _assignments, _golden.Tensors["in.positive_map"].narrow(1, 0, valid), mask);
    }
}
