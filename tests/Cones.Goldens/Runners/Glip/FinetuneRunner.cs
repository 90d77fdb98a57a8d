using Cones.Models.Glip;
using Cones.Search.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Glip;

/// <summary>
/// Kinds <c>glip-finetune-embedding</c> and <c>glip-finetune-v2-offset</c>: some steps of AdamW with clipped gradients, of a text embedding or of
/// the prompt offset.
/// </summary>
sealed class FinetuneRunner : IGoldenRunner
{
    const string Decimal = @"(\d+(?:\.\d+)?(?:e-?\d+)?)";

    public IReadOnlyCollection<string> Kinds => ["glip-finetune-embedding", "glip-finetune-v2-offset"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        var offset = golden.Kind == "glip-finetune-v2-offset";
        using var model = GlipCase.Model(golden, c => c with { Head = c.Head with { HasPromptOffset = offset } });
        var training = new GlipTraining(golden, model);
        var parameter = offset ? model.PromptOffset!.requires_grad_() : golden.Tensors["in.embedding"].clone().requires_grad_();
        var hidden = parameter;
        if (offset)
        {
            hidden = model.EncodeText(golden.Tensors["in.input_ids"], golden.Tensors["in.masks"]);
            if (golden.Tensors.ContainsKey("mid.bert_hidden")) result.Check("mid.bert_hidden", hidden);
        }

        var recipe = golden.Json.GetProperty("reference").GetString()!;
        var options = new OptimizerOptions
        {
            LearningRate = GlipCase.Number(recipe, $@"lr {Decimal}"),
            WeightDecay = GlipCase.Number(recipe, $@"(?:weight_decay|wd) {Decimal}"),
        };
        using var optimizer = Optimizer.Create(options, [new("parameter", parameter)]);
        Optimize(golden, result, optimizer, GlipCase.Number(recipe, $@"clip(?:_grad_norm_)? {Decimal}"), () => training.Losses(hidden));
        result.RequireAllOutputs();
    }

    static void Optimize(GoldenCase golden, GoldenResult result, Optimizer optimizer, double limit, Func<Models.Glip.Training.GlipLosses> lossesOf)
    {
        var parameter = optimizer.Parameters[0].Value;
        var tokens = golden.Tensors["in.masks"].shape[1];
        var name = golden.Kind == "glip-finetune-v2-offset" ? "offset" : "embedding";
        var (allLosses, norms) = (new List<Tensor>(), new List<double>());
        for (var step = 1; step <= golden.Tensors["out.losses"].shape[0]; step++)
        {
            var losses = lossesOf();
            var gradient = autograd.grad([losses.Total], [parameter])[0];
            if (step == 1) CheckIfThere("mid.grad_step1_unclipped", Rows(gradient));
            norms.Add(gradient.norm().item<float>());
            var factor = limit / (norms[^1] + 1e-6);
            if (factor < 1) gradient = gradient * factor;
            CheckIfThere($"mid.grad_clipped.{step}", Rows(gradient));
            optimizer.Step(optimizer.Options.LearningRate, [gradient]);
            result.Check($"out.{name}.{step}", Rows(parameter));
            allLosses.Add(stack([losses.Total, losses.Token, losses.Box, losses.Centerness]).detach());
        }

        result.Check("out.losses", stack(allLosses));
        result.Check("out.grad_norm", tensor(norms.ToArray()));

        // Of the prompt offset the rows that the text reaches; the others must stay 0.
        Tensor Rows(Tensor value)
        {
            if (value.dim() == 3) return value;
            result.Expect(value.narrow(0, tokens, value.shape[0] - tokens).eq(0).all().item<bool>(), "rows beyond the text changed");
            return value.narrow(0, 0, tokens);
        }

        void CheckIfThere(string tensorName, Tensor actual)
        {
            if (golden.Tensors.ContainsKey(tensorName)) result.Check(tensorName, actual);
        }
    }
}
