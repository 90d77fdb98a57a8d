using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Search;

/// <summary>Norm and clipping of gradients, as <c>torch.nn.utils.clip_grad_norm_</c>.</summary>
static class GradientNorm
{
    /// <summary>The L2 norm of all gradients together; 0 where there are none.</summary>
    public static double Of(IReadOnlyList<Tensor?> gradients)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var norms = gradients.Where(g => g is not null).Select(g => g!.norm().cpu()).ToArray();
        return norms.Length == 0 ? 0 : stack(norms).norm().item<float>();
    }

    /// <summary>Scales the gradients in place so that their norm is at most <paramref name="limit"/>.</summary>
    public static void Clip(IReadOnlyList<Tensor?> gradients, double norm, double limit)
    {
        var factor = limit / (norm + 1e-6);
        if (factor >= 1) return;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var gradient in gradients) gradient?.mul_(factor);
    }
}
