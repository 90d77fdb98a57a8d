using Cones.Models.Glip.Head;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Glip;

/// <summary>Kinds of the tower's parts: fusion, text layer, dynamic convolution, and a whole layer.</summary>
sealed class TowerRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["glip-vlfuse", "glip-bert-layer", "glip-dyconv", "glip-tower-layer"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var model = GlipCase.Model(golden);
        model.SetRequiresGrad(false);
        Compare(golden, result, GlipCase.Layer(golden, model));
        // The kernels of frozen weights have a plain counterpart for trainable ones.
        model.SetRequiresGrad(true);
        Compare(golden, result, GlipCase.Layer(golden, model));
        result.RequireAllOutputs();
    }

    static void Compare(GoldenCase golden, GoldenResult result, TowerLayer layer)
    {
        var masks = new TextMasks(golden.Tensors["in.masks"], ScalarType.Float32);
        var input = new TowerState(GlipCase.Levels(golden, "in.visual", gradient: true), golden.Tensors["in.hidden"].clone().requires_grad_());
        var output = golden.Kind switch
        {
            "glip-vlfuse" => layer.Fusion!.Forward(input, masks.Image),
            "glip-bert-layer" => input with { Hidden = layer.Text!.Forward(input.Hidden, masks.Text) },
            "glip-dyconv" => input with { Levels = layer.Convolution.Forward(input.Levels) },
            _ => layer.Forward(input, masks),
        };

        var outputs = GlipCase.Named("visual", output.Levels).Append(("hidden", output.Hidden)).Where(o => golden.Tensors.ContainsKey($"out.{o.Item1}")).ToArray();
        foreach (var (name, value) in outputs) result.Check($"out.{name}", value);
        GlipCase.Cotangent(golden, outputs).backward();
        foreach (var (name, value) in GlipCase.Named("visual", input.Levels).Append(("hidden", input.Hidden)))
            if (golden.Tensors.ContainsKey($"grad.{name}")) result.Check($"grad.{name}", value.grad ?? zeros_like(value));
    }
}
