using Cones.Models.Glip;
using Cones.Models.Glip.Head;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Glip;

/// <summary>Kind <c>glip-head</c>: the whole head with text injected at the encoder's output, with or without a prompt offset.</summary>
sealed class HeadRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["glip-head"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        var rows = golden.Tensors.GetValueOrDefault("in.tunable_linear_rows");
        using var model = rows is null
            ? GlipCase.Model(golden)
            : GlipCase.Model(golden, c => c with { Head = c.Head with { HasPromptOffset = true } });
        if (rows is not null) model.PromptOffset!.narrow(0, 0, rows.shape[0]).copy_(rows);
        var mask = golden.Tensors["in.masks"];
        Compare(golden, result, model);

        // The tokens beyond the longest caption may be cut off.
        var hidden = golden.Tensors["in.hidden"];
        var longest = GlipCase.Longest(mask);
        var cut = model.Forward(GlipCase.Levels(golden, "in.visual"), hidden.narrow(1, 0, longest), mask.narrow(1, 0, longest));
        CheckCut(golden, result, cut, mask, longest);

        if (!model.Config.Head.EarlyFusion || !golden.Tensors.ContainsKey("mid.lang_hidden_final")) return;
        var offset = rows is null ? hidden : hidden + rows;
        result.Check("mid.lang_hidden_final", model.Head.Fuse(new TowerState(GlipCase.Levels(golden, "in.visual"), offset), mask).Hidden);
    }

    static void Compare(GoldenCase golden, GoldenResult result, GlipModel model)
    {
        model.PromptOffset?.requires_grad_();
        var hidden = golden.Tensors["in.hidden"].clone().requires_grad_();
        var outputs = model.Forward(GlipCase.Levels(golden, "in.visual"), hidden, golden.Tensors["in.masks"]);
        GlipCase.CheckOutputs(golden, result, outputs);
        GlipCase.Cotangent(golden, [.. GlipCase.Named("logits", outputs.Logits), .. GlipCase.Named("bbox", outputs.Boxes), .. GlipCase.Named("ctr", outputs.Centerness)]).backward();
        result.Check("grad.hidden", hidden.grad!);
        if (model.PromptOffset is { } offset) result.Check("grad.tunable_linear_rows", offset.grad!.narrow(0, 0, hidden.shape[1]));
        result.RequireAllOutputs();
    }

    static void CheckCut(GoldenCase golden, GoldenResult result, GlipOutputs cut, Tensor mask, long longest)
    {
        var (rtol, atol) = (golden.Json.GetProperty("tolerance").GetProperty("rtol").GetDouble(), golden.Json.GetProperty("tolerance").GetProperty("atol").GetDouble());
        var valid = mask.narrow(1, 0, longest).ne(0).unsqueeze(1); // [B, 1, K]
        for (var i = 0; i < cut.Logits.Count; i++)
        {
            var (level, full) = (GlipCase.LevelNames[i], golden.Tensors[$"out.logits.{GlipCase.LevelNames[i]}"].narrow(2, 0, longest));
            result.Check($"logits.{level} (cut)", cut.Logits[i].masked_fill(valid.logical_not(), 0), full.masked_fill(valid.logical_not(), 0), rtol, atol);
            result.Check($"bbox.{level} (cut)", cut.Boxes[i], golden.Tensors[$"out.bbox.{level}"], rtol, atol);
            result.Check($"ctr.{level} (cut)", cut.Centerness[i], golden.Tensors[$"out.ctr.{level}"], rtol, atol);
        }
    }
}
