using Cones.Models.GroundingDino.Encoder;
using Cones.Models.Layers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.GroundingDino;

/// <summary>Multi-scale deformable attention: the sampling alone, and the module with points and with boxes as references.</summary>
public sealed class DeformableRunner : IGoldenRunner
{
    /// <inheritdoc/>
    public IReadOnlyCollection<string> Kinds => ["grounding-dino-parts-deformable"];

    /// <inheritdoc/>
    public void Run(GoldenCase golden, GoldenResult result)
    {
        var levels = Levels.Of(golden.Tensors["in.spatial_shapes"]);
        var value = Leaf("in.core.value");
        var locations = Leaf("in.core.sampling_locations");
        var weights = Leaf("in.core.attention_weights");
        var output = DeformableAttention.Sample(value, [.. levels.Select(l => (l.Height, l.Width))], locations, weights);
        result.Check("out.core.output", output);
        var core = autograd.grad([(output * golden.Tensors["in.core.cotangent"]).sum()], [value, locations, weights]);
        result.Check("grad.core.value", core[0]);
        result.Check("grad.core.sampling_locations", core[1]);
        result.Check("grad.core.attention_weights", core[2]);

        using var module = new MultiScaleDeformableAttention(Number("d_model"), Number("heads"), Number("levels"), Number("points"));
        using var checkpoint = Checkpoint.Open(golden.PathOf("module.safetensors"));
        ModelLoader.Load(module, checkpoint);
        foreach (var trainable in (bool[])[false, true])
            foreach (var coordinates in (int[])[2, 4])
            {
                module.SetRequiresGrad(trainable);
                var (memory, query) = (Leaf("in.mod.memory"), Leaf("in.mod.query"));
                var mixed = module.Forward(
                    query + golden.Tensors["in.mod.query_pos"], memory, golden.Tensors["in.mod.valid"].eq(0), golden.Tensors[$"in.mod.reference{coordinates}"], levels);
                result.Check($"out.mod.output{coordinates}", mixed);
                var gradients = autograd.grad([(mixed * golden.Tensors["in.mod.cotangent"]).sum()], [memory, query]);
                result.Check($"grad.mod.memory{coordinates}", gradients[0]);
                result.Check($"grad.mod.query{coordinates}", gradients[1]);
            }

        result.RequireAllOutputs();

        Tensor Leaf(string name) => golden.Tensors[name].detach().requires_grad_();
        int Number(string name) => golden.Json.GetProperty(name).GetInt32();
    }
}
