using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Glip;

/// <summary>Kind <c>glip-dyrelu</c>: the dynamic activation and its gradient.</summary>
sealed class DyReluRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["glip-dyrelu"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var model = GlipCase.Model(golden);
        var x = golden.Tensors["in.x"].clone().requires_grad_();
        var y = GlipCase.Layer(golden, model).Convolution.Activation.Forward(x);
        result.Check("out.y", y);
        GlipCase.Cotangent(golden, [("y", y)]).backward();
        result.Check("grad.x", x.grad!);
        result.RequireAllOutputs();
    }
}
