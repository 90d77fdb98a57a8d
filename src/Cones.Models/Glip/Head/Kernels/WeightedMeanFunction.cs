using Cones.Models.Layers.Kernels;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Cones.Models.Glip.Head.Kernels;

/// <summary>The mean of two or three maps [B, C, H, W], each weighted by one number for each sample.</summary>
sealed unsafe class WeightedMeanFunction : KernelFunction<WeightedMeanFunction>
{
    /// <summary>Computes the mean, by the kernel where it can be.</summary>
    /// <param name="maps">Two or three maps of one shape.</param>
    /// <param name="weights">[maps, B].</param>
    /// <returns>[B, C, H, W].</returns>
    public static Tensor Mean(IReadOnlyList<Tensor> maps, Tensor weights)
    {
        if (maps.Count is 2 or 3 && TensorMemory.IsPlain(weights) && maps.All(m => TensorMemory.IsPlain(m) && m.shape[1] % 8 == 0 && TensorMemory.IsChannelsLast(m)))
            return Apply(maps[0], maps[1], maps.Count == 3 ? maps[2] : null, weights);
        using var scope = NewDisposeScope();
        var shares = (weights / maps.Count).unsqueeze(-1).unsqueeze(-1).unsqueeze(-1).unbind(0); // [maps, B] -> maps x [B, 1, 1, 1]
        return maps.Zip(shares, (m, w) => m * w).Aggregate((a, b) => a + b).MoveToOuterDisposeScope();
    }

    static Tensor Apply(Tensor a, Tensor b, Tensor? c, Tensor weights)
    {
        if (!NeedsGradient(a) && !NeedsGradient(b) && !(c is not null && NeedsGradient(c)) && !NeedsGradient(weights)) return Compute(a, b, c, weights);
        var call = new Call();
        var y = apply(a, b, c!, weights, call);
        OutputCache.Free(call.Context!);
        return y;
    }

    /// <inheritdoc/>
    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        var (a, b, c, weights) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor?)vars[2], (Tensor)vars[3]);
        ((Call)vars[4]).Context = ctx;
        ctx.save_for_backward(c is null ? [a, b, weights] : [a, b, c, weights]);
        return Compute(a, b, c, weights);
    }

    /// <inheritdoc/>
    protected override List<Tensor> Gradients(AutogradContext context, Tensor gradOutput)
    {
        var saved = context.get_saved_variables();
        var (a, b, c, weights) = (saved[0], saved[1], saved.Count == 4 ? saved[2] : null, saved[^1].contiguous());
        var gradY = TensorMemory.ToChannelsLast(gradOutput);
        var (gradA, gradB, gradC, gradWeights) = (Like(a), Like(b), c is null ? null : Like(c), empty(weights.shape));
        Kernel(a).Backward(
            TensorMemory.ChannelsLastPointer(a), TensorMemory.ChannelsLastPointer(b), Pointer(c), TensorMemory.Pointer(weights), TensorMemory.ChannelsLastPointer(gradY),
            TensorMemory.ChannelsLastPointer(gradA), TensorMemory.ChannelsLastPointer(gradB), Pointer(gradC), TensorMemory.Pointer(gradWeights));
        return [gradA, gradB, gradC!, gradWeights, null!];
    }

    static Tensor Compute(Tensor a, Tensor b, Tensor? c, Tensor weights)
    {
        using var scope = NewDisposeScope();
        var y = Like(a);
        Kernel(a).Forward(
            TensorMemory.ChannelsLastPointer(a), TensorMemory.ChannelsLastPointer(b), Pointer(c), TensorMemory.Pointer(weights.contiguous()), TensorMemory.ChannelsLastPointer(y));
        return y.MoveToOuterDisposeScope();
    }

    static WeightedMeanKernel Kernel(Tensor map) => new(map.shape[0], map.shape[1] * map.shape[2] * map.shape[3]);

    static Tensor Like(Tensor map) => TensorMemory.EmptyChannelsLast(map.shape[0], map.shape[1], map.shape[2], map.shape[3]);

    static float* Pointer(Tensor? map) => map is null ? null : TensorMemory.ChannelsLastPointer(map);

    sealed record Call
    {
        public AutogradContext? Context { get; set; }
    }
}
