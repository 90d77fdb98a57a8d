using Cones.Models.Layers.Kernels.Products;
using Cones.Models.Native;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Cones.Models.Layers.Kernels;

/// <summary>
/// A 3 x 3 convolution (stride 1, padding 1) with frozen weights, and what is added to its result: bias, a vector for each
/// sample, a residual map. Nothing is kept for the backward pass.
/// </summary>
/// <remarks>
/// LibTorch's convolution copies the kernel into another layout at every call, forward and backward, which costs as much as
/// the convolution itself where the maps are small. Here large maps go through Winograd's F(4x4, 3x3) with transformed kernels
/// that are kept; small ones, where reading transformed kernels would be the bottleneck, through one matrix product with the
/// kernel as it lies in memory.
/// </remarks>
sealed unsafe class ConvolutionFunction : KernelFunction<ConvolutionFunction>
{
    // Below this many pixels the transformed kernel (four times the size) costs more to read than it saves.
    const long WinogradPixels = 1024;

    // Narrow layers are a small part of any model: they keep LibTorch's exact order of summation.
    const long LeastChannels = 32;

    // Transformed tiles of at most this many elements are in flight at a time.
    const long TileElements = 4 << 20;

    /// <summary>Whether <see cref="Apply"/> can take this.</summary>
    public static bool Accepts(Tensor x, Weight weight, Tensor? bias) =>
        TensorMemory.IsPlain(x) && x.dim() == 4
        && weight.Shape[2] == 3 && weight.Shape[3] == 3 && weight.Shape[0] % 8 == 0 && weight.Shape[1] % 8 == 0
        && weight.Shape[0] >= LeastChannels && weight.Shape[1] >= LeastChannels && x.shape[1] == weight.Shape[1]
        && weight.Value.dtype == ScalarType.Float32 && !weight.Value.requires_grad && bias is not { requires_grad: true }
        && TensorMemory.IsChannelsLast(x);

    /// <summary>Maps a channels-last [B, in, H, W] to a channels-last [B, out, H, W].</summary>
    /// <param name="x">The input.</param>
    /// <param name="weight">[out, in, 3, 3].</param>
    /// <param name="bias">[out] or null.</param>
    /// <param name="perSample">[B, out] or null; must not need a gradient.</param>
    /// <param name="residual">[B, out, H, W] or null.</param>
    public static Tensor Apply(Tensor x, Weight weight, Tensor? bias, Tensor? perSample, Tensor? residual)
    {
        var call = new Call(weight, bias, perSample, NeedsGradient(x));
        if (!call.InputNeedsGradient && (residual is null || !NeedsGradient(residual))) return Compute(x, residual, call);
        var y = apply(x, residual!, call);
        OutputCache.Free(call.Context!);
        return y;
    }

    /// <inheritdoc/>
    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        var call = (Call)vars[2];
        call.Context = ctx;
        call.HasResidual = vars[1] is not null;
        ctx.save_data("call", call);
        return Compute((Tensor)vars[0], (Tensor?)vars[1], call);
    }

    /// <inheritdoc/>
    protected override List<Tensor> Gradients(AutogradContext context, Tensor gradOutput)
    {
        var call = (Call)context.get_data("call");
        return [call.InputNeedsGradient ? Gradient(gradOutput, call) : null!, call.HasResidual ? gradOutput.alias() : null!, null!];
    }

    static Tensor Compute(Tensor x, Tensor? residual, Call call)
    {
        using var scope = NewDisposeScope();
        var shape = x.shape;
        var y = TensorMemory.EmptyChannelsLast(shape[0], call.Weight.Shape[0], shape[2], shape[3]);
        if (residual is not null) residual = TensorMemory.ToChannelsLast(residual);
        var perSample = call.PerSample?.contiguous();
        var bias = call.Bias is null ? null : TensorMemory.Pointer(call.Bias);
        var vectors = perSample is null ? null : TensorMemory.Pointer(perSample);
        var map = residual is null ? null : TensorMemory.ChannelsLastPointer(residual);
        if (UsesWinograd(x))
        {
            Winograd(x, y, call.Weight, bias, vectors, map, reversed: false);
            return y.MoveToOuterDisposeScope();
        }

        var (batch, inChannels, outChannels, pixels) = (shape[0], shape[1], call.Weight.Shape[0], shape[2] * shape[3]);
        var columns = empty([batch * pixels, 9 * inChannels], dtype: ScalarType.Float32);
        UnfoldTransforms.Unfold(TensorMemory.ChannelsLastPointer(x), TensorMemory.Pointer(columns), batch, (shape[2], shape[3], inChannels));
        var product = Linear.Product(columns, Matrix(call.Weight), null); // [B H W, 9 in] -> [B H W, out]
        UnfoldTransforms.AddTo(TensorMemory.Pointer(product), bias, vectors, map, batch, pixels, outChannels);
        return product.view(batch, shape[2], shape[3], outChannels).permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }

    static Tensor Gradient(Tensor gradOutput, Call call)
    {
        using var scope = NewDisposeScope();
        var gradY = TensorMemory.ToChannelsLast(gradOutput);
        var shape = gradY.shape;
        var (batch, inChannels, outChannels, pixels) = (shape[0], call.Weight.Shape[1], shape[1], shape[2] * shape[3]);
        var gradX = TensorMemory.EmptyChannelsLast(batch, inChannels, shape[2], shape[3]);
        if (UsesWinograd(gradY))
        {
            Winograd(gradY, gradX, call.Weight, null, null, null, reversed: true);
            return gradX.MoveToOuterDisposeScope();
        }

        var rows = gradY.permute(0, 2, 3, 1).view(batch * pixels, outChannels);
        var columns = Products(rows.unsqueeze(0), Matrix(call.Weight).unsqueeze(0), transposed: false); // [B H W, out] -> [1, B H W, 9 in]
        UnfoldTransforms.Fold(TensorMemory.Pointer(columns), TensorMemory.ChannelsLastPointer(gradX), batch, (shape[2], shape[3], inChannels));
        return gradX.MoveToOuterDisposeScope();
    }

    static bool UsesWinograd(Tensor x) => x.shape[0] * x.shape[2] * x.shape[3] >= WinogradPixels;

    static void Winograd(Tensor x, Tensor y, Weight weight, float* bias, float* perSample, float* residual, bool reversed)
    {
        const int points = WinogradTransforms.Points * WinogradTransforms.Points;
        var kernels = weight.Derived("winograd", TransformKernels); // [36, out, in]
        var (batch, height, width) = (x.shape[0], x.shape[2], x.shape[3]);
        var (inChannels, outChannels) = (x.shape[1], y.shape[1]);
        var all = batch * ((height + WinogradTransforms.Tile - 1) / WinogradTransforms.Tile) * ((width + WinogradTransforms.Tile - 1) / WinogradTransforms.Tile);
        var most = Math.Max(16, TileElements / (points * Math.Max(inChannels, outChannels)));
        for (var first = 0L; first < all; first += most)
        {
            using var scope = NewDisposeScope();
            var tiles = Math.Min(most, all - first);
            var transformed = empty([points, tiles, inChannels], dtype: ScalarType.Float32);
            WinogradTransforms.Input(TensorMemory.ChannelsLastPointer(x), TensorMemory.Pointer(transformed), first, tiles, (height, width, inChannels), reversed);
            // The reversed pass multiplies by the kernels as they lie, the forward pass by their transposes.
            var products = Products(transformed, kernels, transposed: !reversed); // [36, tiles, in] -> [36, tiles, out]
            WinogradTransforms.Output(
                TensorMemory.Pointer(products), bias, perSample, residual, TensorMemory.ChannelsLastPointer(y), first, tiles, (height, width, outChannels), reversed);
        }
    }

    // A [n, rows, k] times B, [n, k, columns] or, transposed, [n, columns, k]: [n, rows, columns].
    internal static Tensor Products(Tensor a, Tensor b, bool transposed)
    {
        if (!MatrixProduct.IsSupported) return a.bmm(transposed ? b.transpose(1, 2) : b);
        var (batch, rows, depth, columns) = (a.shape[0], a.shape[1], a.shape[2], b.shape[transposed ? 1 : 2]);
        var c = empty([batch, rows, columns], dtype: ScalarType.Float32);
        MatrixProduct.Multiply(
            TensorMemory.Pointer(a), depth, TensorMemory.Pointer(b), b.shape[2], transposed, TensorMemory.Pointer(c), columns, (rows, columns, depth), null,
            batch, (rows * depth, columns * depth, rows * columns));
        return c;
    }

    // [out, in, 3, 3] -> [36, out, in], in float64 and in parts, since it is done once.
    static Tensor TransformKernels(Tensor weight)
    {
        const int points = WinogradTransforms.Points;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var side = tensor(WinogradTransforms.KernelMatrix.Cast<double>().ToArray()).reshape(points, 3);
        var both = kron(side, side); // [36, 9]
        var (outChannels, inChannels) = (weight.shape[0], weight.shape[1]);
        var result = NativeMemory.AllocateApart(() => empty([points * points, outChannels, inChannels], dtype: ScalarType.Float32));
        for (var first = 0L; first < outChannels; first += 64)
        {
            using var part = NewDisposeScope();
            var count = Math.Min(64, outChannels - first);
            var taps = weight.narrow(0, first, count).to(ScalarType.Float64).permute(2, 3, 0, 1).reshape(9, -1); // [9, count in]
            result.narrow(1, first, count).copy_(both.matmul(taps).view(points * points, count, inChannels));
        }

        return result.MoveToOuterDisposeScope();
    }

    // [out, in, 3, 3], channels-last in memory -> [out, 9 in].
    static Tensor Matrix(Weight weight) => weight.Derived("matrix", w => w.permute(0, 2, 3, 1).reshape(w.shape[0], -1));

    sealed record Call(Weight Weight, Tensor? Bias, Tensor? PerSample, bool InputNeedsGradient)
    {
        public AutogradContext? Context { get; set; }

        public bool HasResidual { get; set; }
    }
}
