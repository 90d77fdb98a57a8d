using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Cones.Models.Layers.Kernels;

/// <summary>
/// A 3 x 3 convolution (stride 1, padding 1) whose kernel is being trained, and what is added to its result: bias, a vector for
/// each sample, a residual map. Forward pass and both gradients go through Winograd's F(4x4, 3x3); only the input is kept.
/// </summary>
/// <remarks>The kernel changes every step, so that its transform is made anew each time: <see cref="ConvolutionFunction"/> is for frozen ones.</remarks>
sealed unsafe class TrainedConvolutionFunction : KernelFunction<TrainedConvolutionFunction>
{
    // On smaller maps transforming the kernel costs more than it saves.
    const long LeastPixels = 1024;

    // With fewer connections the transforms of the maps cost more than it saves: 64 to 64 channels is a quarter slower, 128 to 64
    // a quarter faster than LibTorch.
    const long LeastConnections = 8192;

    // Transformed tiles of at most this many elements are in flight at a time.
    const long TileElements = 8 << 20;
    const int Points = WinogradTransforms.Points * WinogradTransforms.Points;

    /// <summary>Whether <see cref="Apply"/> can take this, and is worth it.</summary>
    public static bool Accepts(Tensor x, Tensor weight) =>
        TensorMemory.IsPlain(x) && x.dim() == 4 && weight.requires_grad && weight.dtype == ScalarType.Float32
        && weight.shape[2] == 3 && weight.shape[3] == 3 && weight.shape[0] % 8 == 0 && weight.shape[1] % 8 == 0
        && weight.shape[0] * weight.shape[1] >= LeastConnections && x.shape[1] == weight.shape[1]
        && x.shape[0] * x.shape[2] * x.shape[3] >= LeastPixels && TensorMemory.IsChannelsLast(x);

    /// <summary>Maps a channels-last [B, in, H, W] to a channels-last [B, out, H, W].</summary>
    /// <param name="x">The input.</param>
    /// <param name="weight">[out, in, 3, 3].</param>
    /// <param name="bias">[out] or null.</param>
    /// <param name="perSample">[B, out] or null.</param>
    /// <param name="residual">[B, out, H, W] or null.</param>
    public static Tensor Apply(Tensor x, Tensor weight, Tensor? bias, Tensor? perSample, Tensor? residual)
    {
        if (!is_grad_enabled()) return Compute(x, weight, bias, perSample, residual);
        var call = new Call(x.requires_grad, bias is not null, perSample is not null, residual is not null);
        var y = apply(x, weight, bias!, perSample!, residual!, call);
        OutputCache.Free(call.Context!);
        return y;
    }

    /// <inheritdoc/>
    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        var (x, weight, call) = ((Tensor)vars[0], (Tensor)vars[1], (Call)vars[5]);
        call.Context = ctx;
        ctx.save_for_backward([x, weight]);
        ctx.save_data("call", call);
        return Compute(x, weight, (Tensor?)vars[2], (Tensor?)vars[3], (Tensor?)vars[4]);
    }

    /// <inheritdoc/>
    protected override List<Tensor> Gradients(AutogradContext context, Tensor gradOutput)
    {
        var call = (Call)context.get_data("call");
        var saved = context.get_saved_variables();
        var (x, weight) = (saved[0], saved[1]);
        var gradY = TensorMemory.ToChannelsLast(gradOutput);
        var shape = gradY.shape;
        var gradX = call.OfInput ? Winograd(gradY, Transformed(weight), reversed: true, null, null, null) : null;
        var perSample = call.HasBias || call.HasPerSample ? gradY.permute(0, 2, 3, 1).view(shape[0], -1, shape[1]).sum(1) : null; // [B, out]
        return
        [
            gradX!, WeightGradient(x, gradY), call.HasBias ? perSample!.sum([0]) : null!, call.HasPerSample ? perSample! : null!,
            call.HasResidual ? gradY.alias() : null!, null!,
        ];
    }

    static Tensor Compute(Tensor x, Tensor weight, Tensor? bias, Tensor? perSample, Tensor? residual)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (residual is not null) residual = TensorMemory.ToChannelsLast(residual);
        return Winograd(x, Transformed(weight), reversed: false, bias?.contiguous(), perSample?.contiguous(), residual).MoveToOuterDisposeScope();
    }

    // The convolution with transformed kernels [36, out, in], or, reversed, its adjoint.
    static Tensor Winograd(Tensor x, Tensor kernels, bool reversed, Tensor? bias, Tensor? perSample, Tensor? residual)
    {
        var (batch, height, width) = (x.shape[0], x.shape[2], x.shape[3]);
        var (inChannels, outChannels) = (x.shape[1], kernels.shape[reversed ? 2 : 1]);
        var y = TensorMemory.EmptyChannelsLast(batch, outChannels, height, width);
        foreach (var (first, tiles) in Parts(batch, height, width, Math.Max(inChannels, outChannels)))
        {
            using var scope = NewDisposeScope();
            var products = ConvolutionFunction.Products(Tiles(x, first, tiles, reversed), kernels, transposed: !reversed); // [36, tiles, in] -> [36, tiles, out]
            WinogradTransforms.Output(
                TensorMemory.Pointer(products), bias is null ? null : TensorMemory.Pointer(bias), perSample is null ? null : TensorMemory.Pointer(perSample),
                residual is null ? null : TensorMemory.ChannelsLastPointer(residual), TensorMemory.ChannelsLastPointer(y), first, tiles, (height, width, outChannels), reversed);
        }

        return y;
    }

    static Tensor WeightGradient(Tensor x, Tensor gradY)
    {
        var (batch, height, width) = (x.shape[0], x.shape[2], x.shape[3]);
        var (inChannels, outChannels) = (x.shape[1], gradY.shape[1]);
        var sum = zeros([Points, outChannels, inChannels], dtype: ScalarType.Float32);
        foreach (var (first, tiles) in Parts(batch, height, width, Math.Max(inChannels, outChannels)))
        {
            using var scope = NewDisposeScope();
            var spread = empty([Points, tiles, outChannels], dtype: ScalarType.Float32);
            WinogradAdjoint.Output(TensorMemory.ChannelsLastPointer(gradY), TensorMemory.Pointer(spread), first, tiles, (height, width, outChannels));
            sum.add_(spread.transpose(1, 2).bmm(Tiles(x, first, tiles, reversed: false))); // [36, out, tiles] x [36, tiles, in]
        }

        // [36, out in] -> [9, out in] -> [out, in, 3, 3]
        return KernelTransform().t().matmul(sum.view(Points, -1)).view(3, 3, outChannels, inChannels).permute(2, 3, 0, 1);
    }

    static Tensor Tiles(Tensor x, long first, long tiles, bool reversed)
    {
        var transformed = empty([Points, tiles, x.shape[1]], dtype: ScalarType.Float32);
        WinogradTransforms.Input(TensorMemory.ChannelsLastPointer(x), TensorMemory.Pointer(transformed), first, tiles, (x.shape[2], x.shape[3], x.shape[1]), reversed);
        return transformed;
    }

    static IEnumerable<(long First, long Tiles)> Parts(long batch, long height, long width, long channels)
    {
        var all = batch * ((height + WinogradTransforms.Tile - 1) / WinogradTransforms.Tile) * ((width + WinogradTransforms.Tile - 1) / WinogradTransforms.Tile);
        var most = Math.Max(16, TileElements / (Points * channels));
        for (var first = 0L; first < all; first += most) yield return (first, Math.Min(most, all - first));
    }

    // [out, in, 3, 3] -> [36, out, in]
    static Tensor Transformed(Tensor weight)
    {
        var taps = weight.detach().permute(2, 3, 0, 1).reshape(9, -1); // [9, out in]
        return KernelTransform().matmul(taps).view(Points, weight.shape[0], weight.shape[1]);
    }

    // [36, 9]
    static Tensor KernelTransform()
    {
        var side = tensor(WinogradTransforms.KernelMatrix.Cast<double>().ToArray()).reshape(WinogradTransforms.Points, 3);
        return kron(side, side).to(ScalarType.Float32);
    }

    sealed record Call(bool OfInput, bool HasBias, bool HasPerSample, bool HasResidual)
    {
        public AutogradContext? Context { get; set; }
    }
}
