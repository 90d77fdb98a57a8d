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

    /// <inheritdoc/>
    public sealed override List<Tensor> backward(AutogradContext ctx, Tensor grad_output)
    {
        GradientHandles.FreeLast();
        using var scope = NewDisposeScope();
        var gradients = Gradients(ctx, grad_output);
        foreach (var gradient in gradients) GradientHandles.Hand(gradient?.MoveToOuterDisposeScope());
        grad_output.Dispose();
        if (OneTimeGraph.IsPassing) SavedTensors.Free(ctx);
        return gradients;
    }

    /// <summary>The gradients with respect to what <c>forward</c> was given, null for what is no tensor; runs in a dispose scope.</summary>
    protected abstract List<Tensor> Gradients(AutogradContext context, Tensor gradOutput);
}

/// <summary>The handles that backward passes gave to autograd.</summary>
/// <remarks>
/// Autograd takes the tensors themselves; the handles would keep each alive until the dispose scope around the whole backward
/// pass ends, and with them every gradient of every activation. At the next call they are not needed any more.
/// </remarks>
static class GradientHandles
{
    [ThreadStatic]
    static List<Tensor>? t_handed;

    /// <summary>Remembers a tensor that autograd is about to take.</summary>
    public static void Hand(Tensor? gradient)
    {
        if (gradient is not null) (t_handed ??= []).Add(gradient);
    }

    /// <summary>Frees the handles of the call before.</summary>
    public static void FreeLast()
    {
        if (t_handed is null) return;
        foreach (var gradient in t_handed) gradient.Dispose();
        t_handed.Clear();
    }
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

/// <summary>Frees what a custom function has saved for its backward pass.</summary>
/// <remarks>
/// LibTorch's own operations let go of their activations as soon as the backward pass is through with them; TorchSharp 0.107
/// keeps those of custom functions until the whole graph dies.
/// </remarks>
static class SavedTensors
{
    /// <summary>Frees them; the function cannot be differentiated again.</summary>
    public static void Free(AutogradContext context)
    {
        var field = typeof(AutogradContext).GetField("_savedVariables", BindingFlags.Instance | BindingFlags.NonPublic);
        if (field?.GetValue(context) is not IList saved) return;
        foreach (var variable in saved) (variable as IDisposable)?.Dispose();
        saved.Clear();
    }
}
