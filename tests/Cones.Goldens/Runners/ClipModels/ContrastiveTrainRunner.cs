using System.Text.Json;
using Cones.Models.Clip;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.ClipModels;

/// <summary>Class embeddings learned in the joint space against frozen images: classification by scaled cosines.</summary>
public sealed class ContrastiveTrainRunner : IGoldenRunner
{
    /// <inheritdoc/>
    public IReadOnlyCollection<string> Kinds => ["contrastive-train"];

    /// <inheritdoc/>
    public void Run(GoldenCase golden, GoldenResult result)
    {
        var images = ClipSimilarity.Normalize(golden.Tensors["in.image_embeds"]);
        var labels = golden.Tensors["in.labels"];
        var batches = golden.Tensors["in.batches"]; // [steps, rows]
        var logitScale = golden.Tensors["in.logit_scale"];
        var classes = new Parameter(golden.Tensors["in.init"].clone()); // [K, D]
        using var optimizer = Optimizer(golden.Params.GetProperty("optimizer"), classes);

        var (losses, gradients, values) = (new List<Tensor>(), new List<Tensor>(), new List<Tensor>());
        var steps = golden.Params.GetProperty("steps").GetInt32();
        for (var step = 0; step < steps; step++)
        {
            optimizer.zero_grad();
            var rows = batches[step];
            var logits = ClipSimilarity.Logits(images.index_select(0, rows), ClipSimilarity.Normalize(classes), logitScale); // [rows, K]
            var loss = nn.functional.cross_entropy(logits, labels.index_select(0, rows));
            loss.backward();
            losses.Add(loss.detach());
            gradients.Add(classes.grad!.clone());
            optimizer.step();
            values.Add(classes.detach().clone());
            if (step == steps - 1 && golden.Tensors.ContainsKey("mid.logits_last")) result.Check("mid.logits_last", logits);
        }

        result.Check("out.losses", stack(losses));
        result.Check("grad.params", stack(gradients));
        result.Check("out.params", stack(values));
        result.RequireAllOutputs();
    }

    static optim.Optimizer Optimizer(JsonElement o, Parameter parameter)
    {
        var (lr, eps) = (o.GetProperty("lr").GetDouble(), Number("eps", 1e-8));
        var (beta1, beta2) = o.TryGetProperty("betas", out var betas) ? (betas[0].GetDouble(), betas[1].GetDouble()) : (0.9, 0.999);
        return o.GetProperty("name").GetString() switch
        {
            "AdamW" => optim.AdamW([parameter], lr, beta1, beta2, eps, Number("weight_decay", 0.01)),
            "Adam" => optim.Adam([parameter], lr, beta1, beta2, eps, Number("weight_decay", 0)),
            var name => throw new NotSupportedException($"optimizer {name}"),
        };

        double Number(string name, double otherwise) => o.TryGetProperty(name, out var value) ? value.GetDouble() : otherwise;
    }
}
