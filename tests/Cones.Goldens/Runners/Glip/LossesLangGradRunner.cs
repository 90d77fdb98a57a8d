using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Glip;

/// <summary>Kind <c>glip-losses-lang-grad</c>: the gradient of each loss with respect to an injected text embedding.</summary>
sealed class LossesLangGradRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["glip-losses-lang-grad"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var model = GlipCase.Model(golden);
        var training = new GlipTraining(golden, model);
        GlipCase.CheckLevels(golden, result, "mid.fpn", training.Levels);
        var hidden = golden.Tensors["in.hidden"].clone().requires_grad_();
        var losses = training.Losses(hidden);
        LossChecks.CheckLosses(result, losses);
        result.Check("grad.hidden.loss_token", Gradient(losses.Token));
        result.Check("grad.hidden.loss_reg", Gradient(losses.Box));
        result.Check("grad.hidden.loss_centerness", Gradient(losses.Centerness));
        result.Check("grad.hidden.total", Gradient(losses.Total));

        var cut = training.CutLosses(hidden);
        LossChecks.CheckLosses(result, cut);
        result.Check("grad.hidden.total", Gradient(cut.Total));
        result.RequireAllOutputs();

        // Without fusion boxes do not depend on the text.
        Tensor Gradient(Tensor loss) =>
            (loss.requires_grad ? autograd.grad([loss], [hidden], retain_graph: true, allow_unused: true)[0] : null) ?? zeros_like(hidden);
    }
}
