using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Glip;

/// <summary>Kind <c>glip-swin-fpn</c>: the image backbone on images of odd sizes.</summary>
sealed class SwinFpnRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["glip-swin-fpn"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var model = GlipCase.Model(golden);
        using var noGrad = no_grad();
        var image = golden.Tensors.GetValueOrDefault("mid.padded") ?? golden.Tensors["in.image"];
        var levels = model.EncodeImage(image);
        for (var i = 0; i < levels.Count; i++) result.Check($"out.{GlipCase.LevelNames[i]}", levels[i]);

        var swin = model.Backbone.Swin;
        var stages = swin.Forward(image);
        for (var i = 0; i < stages.Count; i++) CheckIfThere($"mid.swin{i + 1}", stages[i]);
        var tokens = swin.Stages[0].Forward(swin.Embed(image)); // [B, H, W, C]
        CheckIfThere("mid.patch_embed", swin.Embed(image).permute(0, 3, 1, 2));
        CheckIfThere("mid.swin0", tokens.permute(0, 3, 1, 2));
        CheckIfThere("mid.stage1_out", tokens.flatten(1, 2));
        CheckIfThere("mid.stage1_merged", swin.Stages[0].Downsample!.Forward(tokens).flatten(1, 2));
        result.RequireAllOutputs();

        void CheckIfThere(string name, Tensor actual)
        {
            if (golden.Tensors.ContainsKey(name)) result.Check(name, actual);
        }
    }
}
