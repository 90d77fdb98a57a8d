using System.Collections;
using System.Reflection;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Cones.Models.Layers.Kernels;

/// <summary>An operation with a backward pass of its own, of one tensor and of things that need no gradient.</summary>
/// <typeparam name="TSelf">The operation itself.</typeparam>
abstract class KernelFunction<TSelf> : SingleTensorFunction<TSelf>
    where TSelf : KernelFunction<TSelf>, new()
{
    /// <inheritdoc/>
    public override string Name => typeof(TSelf).Name;

    /// <summary>Whether gradients must flow through <paramref name="x"/>; otherwise the kernel is called without autograd.</summary>
    public static bool NeedsGradient(Tensor x) => is_grad_enabled() && x.requires_grad;
}

/// <summary>Frees what TorchSharp keeps for an output of a custom function without need.</summary>
/// <remarks>
/// TorchSharp 0.107 keeps an empty tensor of every output's shape until the graph dies, to make zeros from it should an
/// output get no gradient. That would double the memory of a training step. Our functions have one output, which always gets
/// a gradient.
/// </remarks>
static class OutputCache
{
    const BindingFlags Hidden = BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public;

    /// <summary>Whether the fields are where this version of TorchSharp has them.</summary>
    public static bool IsKnown { get; private set; } = true;

    /// <summary>To be called after <c>apply</c>, with the context that <c>forward</c> was given.</summary>
    public static void Free(AutogradContext context)
    {
        if (!IsKnown) return;
        var node = typeof(AutogradContext).GetField("_node", Hidden)?.GetValue(context);
        if (node?.GetType().GetField("_outputCache", Hidden)?.GetValue(node) is not IList cache)
        {
            IsKnown = false;
            return;
        }

        for (var i = 0; i < cache.Count; i++)
        {
            (cache[i] as Tensor)?.Dispose();
            cache[i] = null;
        }
    }
}

/// <summary>Frees the managed handles of a backward pass as soon as LibTorch has its own.</summary>
/// <remarks>
/// TorchSharp 0.107 leaves the incoming gradient and what <c>backward</c> returns to the dispose scope that is open, so that
/// the gradients of all layers would live until the step ends. Once the next function of this kind runs, the handles of the
/// one before have been taken over.
/// </remarks>
static class BackwardHandles
{
    [ThreadStatic]
    static Tensor?[]? s_previous;

    /// <summary>Returns gradients from <c>backward</c>; the handles of the call before are disposed.</summary>
    /// <param name="incoming">What <c>backward</c> was given.</param>
    /// <param name="gradients">What it returns; null for inputs without gradient.</param>
    public static List<Tensor> Return(Tensor incoming, params ReadOnlySpan<Tensor?> gradients)
    {
        foreach (var handle in s_previous ?? []) handle?.Dispose();
        s_previous = [incoming, .. gradients];
        return [.. gradients.ToArray().Select(g => g!)];
    }
}
