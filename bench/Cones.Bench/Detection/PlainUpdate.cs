using static TorchSharp.torch;

namespace Cones.Bench.Detection;

/// <summary>The cheapest update that ends a step: gradient descent without state.</summary>
static class PlainUpdate
{
    /// <summary>Moves tensors against their gradients, which are freed; those without one stay.</summary>
    public static void Apply(IEnumerable<Tensor> tensors, double rate)
    {
        using var noGrad = no_grad();
        foreach (var tensor in tensors)
        {
            if (tensor.grad is not { } gradient) continue;
            tensor.add_(gradient, alpha: -rate);
            tensor.grad = null;
        }
    }
}
