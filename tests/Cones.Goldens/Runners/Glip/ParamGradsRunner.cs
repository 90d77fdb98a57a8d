using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Glip;

/// <summary>Kind <c>glip-param-grads</c>: from a caption and images to losses, and gradients of the model's own weights.</summary>
sealed class ParamGradsRunner : IGoldenRunner
{
    const string Prefix = "grad.";

    public IReadOnlyCollection<string> Kinds => ["glip-param-grads"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var model = GlipCase.Model(golden);
        model.SetRequiresGrad(true);
        var training = new GlipTraining(golden, model);
        var losses = training.Losses(model.EncodeText(golden.Tensors["in.input_ids"], golden.Tensors["in.masks"]));
        LossChecks.CheckLosses(result, losses);
        losses.Total.backward();
        var weights = model.NamedWeights().ToDictionary(w => w.Key, w => w.Value);
        foreach (var name in golden.Tensors.Keys.Where(k => k.StartsWith(Prefix, StringComparison.Ordinal)))
            result.Check(name, weights[name[Prefix.Length..]].Value.grad!);
        result.RequireAllOutputs();
    }
}
