using Cones.Models.Swin;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Swin;

/// <summary>The Swin backbone: feature maps, what blocks and mergings give, and the gradient to the pixels.</summary>
public sealed class SwinBackboneRunner : IGoldenRunner
{
    /// <inheritdoc/>
    public IReadOnlyCollection<string> Kinds => ["swin-backbone"];

    /// <inheritdoc/>
    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var model = SwinBackbone.FromFolder(Path.GetFullPath(golden.PathOf(golden.Json.GetProperty("model").GetString()!)));
        var pixels = golden.Tensors["in.pixel_values"].detach().requires_grad_();
        Compare(model.Forward(golden.Tensors["in.pixel_values"]));
        CompareParts(model, golden, result);

        var maps = model.Forward(pixels);
        Compare(maps);
        var loss = maps.Select((m, i) => (m * golden.Tensors[$"in.cotangent.{i}"]).sum()).Aggregate((a, b) => a + b);
        result.Check("grad.pixel_values", autograd.grad([loss], [pixels])[0]);
        result.RequireAllOutputs();

        void Compare(IReadOnlyList<Tensor> o)
        {
            for (var i = 0; i < o.Count; i++) result.Check($"out.feature_maps.{i}", o[i]);
        }
    }

    static void CompareParts(SwinBackbone model, GoldenCase golden, GoldenResult result)
    {
        using var noGrad = no_grad();
        var x = model.Embed(golden.Tensors["in.pixel_values"]);
        Compare("mid.embeddings");
        for (var stage = 0; stage < model.Stages.Count; stage++)
        {
            for (var block = 0; block < model.Stages[stage].Blocks.Count; block++)
            {
                x = model.Stages[stage].Blocks[block].Forward(x);
                Compare($"mid.stage{stage}.block{block}");
            }

            if (model.Stages[stage].Downsample is not { } downsample) break;
            x = downsample.Forward(x);
            Compare($"mid.stage{stage}.downsample");
        }

        // [B, H, W, C] -> [B, H W, C]
        void Compare(string name)
        {
            if (golden.Tensors.ContainsKey(name)) result.Check(name, x.reshape(x.shape[0], -1, x.shape[3]));
        }
    }
}
