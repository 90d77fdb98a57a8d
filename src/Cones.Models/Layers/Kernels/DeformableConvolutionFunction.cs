using Cones.Models.Layers.Kernels.Products;
using Cones.Models.Native;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Cones.Models.Layers.Kernels;

/// <summary>
/// A modulated deformable 3 x 3 convolution as matrix products of gathered columns. Only its inputs are kept for the backward
/// pass: columns are gathered in parts that stay in the cache, once more for the gradient of a kernel that is being trained.
/// </summary>
sealed unsafe class DeformableConvolutionFunction : KernelFunction<DeformableConvolutionFunction>
{
    // Elements of the columns that are in flight at a time.
    const long PartElements = 1 << 20;

    // Output pixels that a thread takes through gathering and product: at 256 channels their columns fill a third of the second cache.
    const long RowsAtATime = 32;

    // The same backward, where a thread takes a slice of the channels, tap after tap.
    const long SliceRowsAtATime = 128;
    const long WideSlice = 64;

    /// <summary>Whether <see cref="Apply"/> can take this. Frozen weights may have half precision: their packed copies are float32.</summary>
    public static bool Accepts(Tensor x, Tensor offset, Tensor mask, Weight weight, Tensor? bias) =>
        TensorMemory.IsPlain(x) && TensorMemory.IsPlain(offset) && TensorMemory.IsPlain(mask)
        && weight.Shape[1] % 8 == 0 && x.shape[2] * x.shape[3] < int.MaxValue
        && (weight.Value.dtype == ScalarType.Float32 || (SinglePrecision.IsHalf(weight.Value.dtype) && !weight.Value.requires_grad && bias is not { requires_grad: true }));

    /// <summary>Maps [B, in, H, W] to a channels-last [B, out, H', W'].</summary>
    /// <param name="x">The input; read channels-last.</param>
    /// <param name="offset">[B, 18, H', W'].</param>
    /// <param name="mask">[B, 9, H', W'].</param>
    /// <param name="weight">[out, in, 3, 3].</param>
    /// <param name="bias">[out], float32, or null.</param>
    /// <param name="stride">The stride.</param>
    public static Tensor Apply(Tensor x, Tensor offset, Tensor mask, Weight weight, Tensor? bias, long stride)
    {
        var call = new Call(weight, bias, stride, NeedsGradient(x), NeedsGradient(weight.Value), bias is not null && NeedsGradient(bias));
        if (!call.NeedsAnyGradient && !NeedsGradient(offset) && !NeedsGradient(mask)) return Compute(x, offset, mask, call);
        var y = apply(x, offset, mask, weight.Value, bias!, call);
        OutputCache.Free(call.Context!);
        return y;
    }

    /// <inheritdoc/>
    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        var (x, offset, mask, call) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor)vars[2], (Call)vars[5]);
        call.Context = ctx;
        ctx.save_for_backward([x, offset, mask]);
        ctx.save_data("call", call);
        return Compute(x, offset, mask, call);
    }

    /// <inheritdoc/>
    protected override List<Tensor> Gradients(AutogradContext context, Tensor gradOutput)
    {
        var call = (Call)context.get_data("call");
        var saved = context.get_saved_variables();
        var x = TensorMemory.ToChannelsLast(saved[0]);
        var (offset, mask) = (saved[1].contiguous(), saved[2].contiguous());
        var kernel = Kernel(x, offset, call);
        var (channels, outChannels) = (x.shape[1], call.Weight.Shape[0]);
        var gradRows = TensorMemory.ToChannelsLast(gradOutput).permute(0, 2, 3, 1).view(-1, outChannels); // [B, out, H', W'] -> [B H' W', out]
        var gradMatrix = call.WeightNeedsGradient ? GradientOfMatrix(kernel, x, offset, mask, gradRows) : null; // [out, 9 in]
        // [out, 9 in] -> [out, 3, 3, in] -> [out, in, 3, 3]
        var gradWeight = gradMatrix?.view(outChannels, DeformableColumns.Side, DeformableColumns.Side, channels).permute(0, 3, 1, 2);
        var (gradX, gradOffset, gradMask) = MatrixProduct.IsSupported && channels % ProductTile.Wide == 0
            ? ScatterInSlices(kernel, x, offset, mask, gradRows, call)
            : ScatterInParts(kernel, x, offset, mask, gradRows, call);
        return [gradX?.permute(0, 3, 1, 2)!, gradOffset, gradMask, gradWeight!, call.BiasNeedsGradient ? gradRows.sum([0]) : null!, null!]; // [B, H, W, in] -> [B, in, H, W]
    }

    // Columns are gathered once more, for a kernel that is being trained.
    static Tensor GradientOfMatrix(DeformableColumns kernel, Tensor x, Tensor offset, Tensor mask, Tensor gradRows)
    {
        var (channels, all) = (x.shape[1], gradRows.shape[0]);
        var gradMatrix = zeros(gradRows.shape[1], DeformableColumns.Taps * channels);
        var (nothing, most) = (zeros(channels), PartRows(channels));
        var columns = empty(Math.Min(most, all), DeformableColumns.Taps * channels);
        for (var first = 0L; first < all; first += most)
        {
            using var part = NewDisposeScope();
            var rows = Math.Min(most, all - first);
            kernel.Gather(
                TensorMemory.ChannelsLastPointer(x), TensorMemory.Pointer(offset), TensorMemory.Pointer(mask), TensorMemory.Pointer(nothing), TensorMemory.Pointer(columns), first, rows);
            gradMatrix.addmm_(gradRows.narrow(0, first, rows).t(), columns.narrow(0, 0, rows), 1, 1); // [out, rows] x [rows, 9 in]
        }

        return gradMatrix;
    }

    // A thread takes some channels through product and scattering, tap by tap, so that columns' gradients stay in its cache and no two
    // threads add to one place.
    static (Tensor? X, Tensor Offset, Tensor Mask) ScatterInSlices(DeformableColumns kernel, Tensor x, Tensor offset, Tensor mask, Tensor gradRows, Call call)
    {
        var (channels, outChannels, all) = (x.shape[1], gradRows.shape[1], gradRows.shape[0]);
        var width = channels % WideSlice == 0 && channels > 2 * WideSlice ? WideSlice : ProductTile.Wide;
        var slices = channels / width;
        var gradX = call.InputNeedsGradient ? zeros([x.shape[0], x.shape[2], x.shape[3], channels]) : null;
        var (gradOffset, gradMask, nothing) = (empty([slices, .. offset.shape]), empty([slices, .. mask.shape]), zeros(width)); // each slice's share
        var matrix = new PackedMatrix(Packed(call.Weight, transposed: false), outChannels, DeformableColumns.Taps * channels);
        float* input = TensorMemory.ChannelsLastPointer(x), shifts = TensorMemory.Pointer(offset), factors = TensorMemory.Pointer(mask), none = TensorMemory.Pointer(nothing);
        float* source = TensorMemory.Pointer(gradRows), toShifts = TensorMemory.Pointer(gradOffset), toFactors = TensorMemory.Pointer(gradMask);
        var target = gradX is null ? null : TensorMemory.Pointer(gradX);
        var (shiftCount, factorCount) = (offset.numel(), mask.numel());
        ParallelRange.Each(slices, slice =>
        {
            using var workspace = new Workspace((SliceRowsAtATime * (outChannels + width)) + width);
            float* lines = workspace.Take(SliceRowsAtATime * outChannels), columns = workspace.Take(SliceRowsAtATime * width), beyond = workspace.Take(width);
            new Span<float>(beyond, (int)width).Clear();
            for (var first = 0L; first < all; first += SliceRowsAtATime)
            {
                var rows = Math.Min(SliceRowsAtATime, all - first);
                MatrixProduct.PackRows(source + (first * outChannels), outChannels, rows, outChannels, lines);
                for (var tap = 0; tap < DeformableColumns.Taps; tap++)
                {
                    MatrixProduct.MultiplyRows(lines, matrix.Slice((tap * channels) + (slice * width), width), columns, width, rows); // [rows, out] x [out, slice]
                    kernel.ScatterTap(
                        input, shifts, factors, none, columns, target, beyond, toShifts + (slice * shiftCount), toFactors + (slice * factorCount), tap, (slice * width, width), first, rows);
                }
            }
        });
        return (gradX, gradOffset.sum([0]), gradMask.sum([0]));
    }

    static (Tensor? X, Tensor Offset, Tensor Mask) ScatterInParts(DeformableColumns kernel, Tensor x, Tensor offset, Tensor mask, Tensor gradRows, Call call)
    {
        var matrix = Matrix(call.Weight);
        var channels = x.shape[1];
        var gradX = call.InputNeedsGradient ? zeros([channels / kernel.SliceChannels, x.shape[0], x.shape[2], x.shape[3], kernel.SliceChannels]) : null;
        var (gradOffset, gradMask) = (empty(offset.shape), empty(mask.shape));
        var nothing = zeros(channels);
        var (all, most) = (gradRows.shape[0], PartRows(channels));
        var columns = empty(Math.Min(most, all), DeformableColumns.Taps * channels);
        var points = empty(columns.shape[0] * DeformableColumns.Taps * sizeof(BilinearPoint), ScalarType.Byte);
        for (var first = 0L; first < all; first += most)
        {
            using var part = NewDisposeScope();
            var rows = Math.Min(most, all - first);
            columns.narrow(0, 0, rows).addmm_(gradRows.narrow(0, first, rows), matrix, 0, 1); // [rows, out] x [out, 9 in]
            kernel.Scatter(
                TensorMemory.ChannelsLastPointer(x), TensorMemory.Pointer(offset), TensorMemory.Pointer(mask), TensorMemory.Pointer(nothing),
                TensorMemory.Pointer(columns), (BilinearPoint*)TensorMemory.Pointer(points), gradX is null ? null : TensorMemory.Pointer(gradX),
                TensorMemory.Pointer(gradOffset), TensorMemory.Pointer(gradMask), first, rows);
        }

        return (gradX?.permute(1, 2, 3, 0, 4).flatten(3), gradOffset, gradMask); // [slices, B, H, W, slice] -> [B, H, W, in]
    }

    static Tensor Compute(Tensor x, Tensor offset, Tensor mask, Call call)
    {
        using var scope = NewDisposeScope();
        x = TensorMemory.ToChannelsLast(x);
        (offset, mask) = (offset.contiguous(), mask.contiguous());
        var kernel = Kernel(x, offset, call);
        var (batch, channels, outChannels) = (x.shape[0], x.shape[1], call.Weight.Shape[0]);
        var (outHeight, outWidth) = (offset.shape[2], offset.shape[3]);
        var (all, most) = (batch * outHeight * outWidth, PartRows(channels));
        var y = empty(all, outChannels);
        if (MatrixProduct.IsSupported)
        {
            MultiplyInRows(new PackedMatrix(Packed(call.Weight, transposed: true), DeformableColumns.Taps * channels, outChannels), kernel, x, offset, mask, y, call.Bias);
            return y.view(batch, outHeight, outWidth, outChannels).permute(0, 3, 1, 2).MoveToOuterDisposeScope();
        }

        var matrix = Matrix(call.Weight).t();
        if (call.Bias is not null) y.copy_(call.Bias.detach()); // [out] -> [B H' W', out]
        var nothing = zeros(channels);
        var columns = empty(Math.Min(most, all), DeformableColumns.Taps * channels);
        for (var first = 0L; first < all; first += most)
        {
            using var part = NewDisposeScope();
            var rows = Math.Min(most, all - first);
            kernel.Gather(
                TensorMemory.ChannelsLastPointer(x), TensorMemory.Pointer(offset), TensorMemory.Pointer(mask), TensorMemory.Pointer(nothing),
                TensorMemory.Pointer(columns), first, rows);
            y.narrow(0, first, rows).addmm_(columns.narrow(0, 0, rows), matrix, call.Bias is null ? 0 : 1, 1); // [rows, 9 in] x [9 in, out]
        }

        return y.view(batch, outHeight, outWidth, outChannels).permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }

    // Columns of some pixels are gathered and multiplied by the same thread: [rows, 9 in] x [9 in, out].
    static void MultiplyInRows(PackedMatrix matrix, DeformableColumns kernel, Tensor x, Tensor offset, Tensor mask, Tensor y, Tensor? bias)
    {
        using var nothing = zeros(x.shape[1]);
        float* input = TensorMemory.ChannelsLastPointer(x), shifts = TensorMemory.Pointer(offset), factors = TensorMemory.Pointer(mask), none = TensorMemory.Pointer(nothing);
        float* output = TensorMemory.Pointer(y), added = bias is null ? null : TensorMemory.Pointer(bias);
        var (all, width, outChannels) = (y.shape[0], matrix.Rows, matrix.Columns);
        ParallelRange.Each((all + RowsAtATime - 1) / RowsAtATime, task =>
        {
            using var workspace = new Workspace(RowsAtATime * width);
            var columns = workspace.Take(RowsAtATime * width);
            var first = task * RowsAtATime;
            var rows = Math.Min(RowsAtATime, all - first);
            kernel.GatherHere(input, shifts, factors, none, columns, first, rows);
            MatrixProduct.Multiply(columns, width, matrix, output + (first * outChannels), outChannels, rows, added, oneThread: true);
        });
    }

    static DeformableColumns Kernel(Tensor x, Tensor offset, Call call) =>
        new(x.shape[0], x.shape[2], x.shape[3], x.shape[1], offset.shape[2], offset.shape[3], call.Stride);

    static long PartRows(long channels) => Math.Max(64, PartElements / (DeformableColumns.Taps * channels));

    // [out, in, 3, 3] -> [out, 9 in], taps before channels.
    static Tensor Matrix(Weight weight) => weight.Value.requires_grad ? Reordered(weight.Value.detach()) : weight.Derived("matrix", Reordered);

    static Tensor Packed(Weight weight, bool transposed) => weight.Value.requires_grad
        ? PackedMatrix.Pack(Reordered(weight.Value.detach()), transposed)
        : weight.Derived(transposed ? "packed_transposed" : "packed", w => PackedMatrix.Pack(Reordered(w), transposed));

    static Tensor Reordered(Tensor w) => SinglePrecision.Of(w).permute(0, 2, 3, 1).reshape(w.shape[0], -1);

    sealed record Call(Weight Weight, Tensor? Bias, long Stride, bool InputNeedsGradient, bool WeightNeedsGradient, bool BiasNeedsGradient)
    {
        public bool NeedsAnyGradient => InputNeedsGradient || WeightNeedsGradient || BiasNeedsGradient;

        public AutogradContext? Context { get; set; }
    }
}
