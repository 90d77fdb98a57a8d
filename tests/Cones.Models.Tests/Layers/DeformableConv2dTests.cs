using Cones.Models.Layers;
using Cones.Models.Layers.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Layers;

public sealed class DeformableConv2dTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(2, 8, 5, 6, 7, 1)]
    [InlineData(1, 40, 16, 9, 5, 2)]
    [InlineData(3, 72, 8, 6, 4, 2)]
    [InlineData(1, 16, 3, 1, 1, 1)]
    [InlineData(1, 232, 8, 31, 37, 1)] // several parts
    [InlineData(2, 64, 40, 23, 31, 1)] // several bands, with the widest vectors
    [InlineData(1, 32, 33, 19, 26, 2)]
    public void The_kernel_computes_what_tensor_operations_do(long batch, long inChannels, long outChannels, long height, long width, long stride)
    {
        using var single = Layer(inChannels, outChannels, stride, ScalarType.Float32);
        using var exact = Layer(inChannels, outChannels, stride, ScalarType.Float64);
        var (x, offset, mask) = Inputs(batch, inChannels, height, width, stride, ScalarType.Float32);
        Assert.True(Accepts(single, x, offset, mask));

        var y = single.Forward(x, offset, mask);
        var reference = exact.Forward(Exact(x), Exact(offset), Exact(mask));
        AssertClose(reference, y);

        foreach (var input in (Tensor[])[x, offset, mask]) input.requires_grad_();
        var cotangent = randn(y.shape);
        var gradients = autograd.grad([(single.Forward(x, offset, mask) * cotangent).sum()], [x, offset, mask]);
        Tensor[] exactInputs = [.. ((Tensor[])[x, offset, mask]).Select(t => Exact(t).requires_grad_())];
        var references = autograd.grad([(exact.Forward(exactInputs[0], exactInputs[1], exactInputs[2]) * Exact(cotangent)).sum()], exactInputs);
        for (var i = 0; i < 3; i++) AssertClose(references[i], gradients[i]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Gradients_of_tensor_operations_agree_with_differences(long stride)
    {
        using var layer = Layer(3, 4, stride, ScalarType.Float64);
        var (x, offset, mask) = Inputs(2, 3, 5, 6, stride, ScalarType.Float64);
        var weights = layer.NamedWeights().Select(w => (w.Key, w.Value.Value));
        FiniteDifferences.Check(() => layer.Forward(x, offset, mask), [("x", x), ("offset", offset), ("mask", mask), .. weights]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Without_offsets_and_with_masks_of_one_it_is_a_plain_convolution(long stride)
    {
        using var layer = Layer(8, 6, stride, ScalarType.Float32);
        using var plain = new Conv2d(8, 6, 3, stride, padding: 1);
        foreach (var (from, to) in layer.NamedWeights().Zip(plain.NamedWeights())) to.Value.Assign(from.Value.Value.clone());
        var x = randn(2, 8, 7, 6);
        var expected = plain.Forward(x);
        var (h, w) = (expected.shape[2], expected.shape[3]);
        AssertClose(expected, layer.Forward(x, zeros(2, 18, h, w), ones(2, 9, h, w)));
    }

    [Fact]
    public void Points_outside_the_map_and_no_numbers_give_the_bias()
    {
        using var layer = Layer(8, 6, 1, ScalarType.Float32);
        var bias = layer.NamedWeights().Single(w => w.Key == "bias").Value.Value;
        var x = randn(1, 8, 4, 5);
        foreach (var far in (float[])[1000, -1000, 1e20f, float.NegativeInfinity, float.NaN])
        {
            var offset = full([1, 18, 4, 5], far).requires_grad_();
            var mask = ones(1, 9, 4, 5);
            var y = layer.Forward(x, offset, mask);
            AssertClose(bias.view(1, 6, 1, 1).expand_as(y), y);
            Assert.Equal(0, autograd.grad([y.sum()], [offset])[0].abs().sum().item<float>());
        }
    }

    [Fact]
    public void Offsets_on_a_larger_map_are_read_from_its_beginning()
    {
        using var layer = Layer(8, 6, 1, ScalarType.Float32);
        var x = randn(2, 8, 2, 3);
        var (offset, mask) = (randn(2, 18, 4, 5).requires_grad_(), rand(2, 9, 4, 5));
        var y = layer.Forward(x, offset, mask);
        var first = (Tensor map, int channels) => stack([.. Enumerable.Range(0, 2).Select(b => map[b].flatten()[..(channels * 6)].view(channels, 2, 3))]);
        AssertClose(layer.Forward(x, first(offset, 18), first(mask, 9)), y);

        var used = autograd.grad([y.square().sum()], [offset])[0].ne(0).view(2, -1);
        Assert.Equal(0, used[.., 108..].sum().item<long>());
        Assert.True(used[.., ..108].sum().item<long>() > 100);
    }

    [Theory]
    [InlineData(false, false, true)]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    public void Inputs_that_need_no_gradient_get_none(bool ofX, bool ofOffset, bool ofMask)
    {
        using var layer = Layer(8, 6, 1, ScalarType.Float32);
        var (x, offset, mask) = Inputs(1, 8, 4, 5, 1, ScalarType.Float32);
        var all = new[] { x.clone().requires_grad_(), offset.clone().requires_grad_(), mask.clone().requires_grad_() };
        layer.Forward(all[0], all[1], all[2]).square().sum().backward();
        var some = new[] { x.requires_grad_(ofX), offset.requires_grad_(ofOffset), mask.requires_grad_(ofMask) };
        layer.Forward(x, offset, mask).square().sum().backward();
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(some[i].requires_grad, some[i].grad is not null);
            if (some[i].grad is { } gradient) AssertClose(all[i].grad!, gradient);
        }
    }

    [Theory]
    [InlineData(2, 8, 5, 6, 7, 1)]
    [InlineData(3, 72, 8, 6, 4, 2)]
    [InlineData(1, 232, 8, 31, 37, 1)] // several parts
    [InlineData(2, 64, 40, 23, 31, 1)] // several bands, with the widest vectors
    [InlineData(1, 32, 33, 19, 26, 2)]
    public void Trained_weights_get_the_gradients_of_tensor_operations(long batch, long inChannels, long outChannels, long height, long width, long stride)
    {
        using var single = Layer(inChannels, outChannels, stride, ScalarType.Float32);
        using var exact = Layer(inChannels, outChannels, stride, ScalarType.Float64);
        var (x, offset, mask) = Inputs(batch, inChannels, height, width, stride, ScalarType.Float32);
        var frozen = single.Forward(x, offset, mask);
        single.SetRequiresGrad(true);
        exact.SetRequiresGrad(true);
        Assert.True(Accepts(single, x, offset, mask));
        x.requires_grad_();
        var trained = single.Forward(x, offset, mask);
        AssertClose(frozen, trained);

        var (exactX, cotangent) = (Exact(x).requires_grad_(), randn(trained.shape));
        var gradients = autograd.grad([(trained * cotangent).sum()], [x, .. Values(single)]);
        var references = autograd.grad([(exact.TensorOperations(exactX, Exact(offset), Exact(mask)) * Exact(cotangent)).sum()], [exactX, .. Values(exact)]);
        for (var i = 0; i < references.Count; i++) AssertClose(references[i], gradients[i], scale: Math.Sqrt(height * width));

        static Tensor[] Values(DeformableConv2d layer) => [.. layer.NamedWeights().Select(w => w.Value.Value)];
    }

    [Fact]
    public void A_trained_weight_is_read_anew_every_time()
    {
        using var layer = Layer(8, 6, 1, ScalarType.Float32);
        var (x, offset, mask) = Inputs(1, 8, 4, 5, 1, ScalarType.Float32);
        layer.SetRequiresGrad(true);
        var before = layer.Forward(x, offset, mask).detach();
        using (no_grad())
            foreach (var (_, weight) in layer.NamedWeights()) weight.Value.mul_(2);
        AssertClose(before * 2, layer.Forward(x, offset, mask));
    }

    [Fact]
    public void The_result_is_the_same_bit_for_bit_every_time()
    {
        using var layer = Layer(72, 16, 1, ScalarType.Float32);
        var (x, offset, mask) = Inputs(2, 72, 20, 21, 1, ScalarType.Float32);
        var results = Enumerable.Range(0, 2).Select(_ =>
        {
            var input = x.clone().requires_grad_();
            var y = layer.Forward(input, offset, mask);
            return (Y: y, Gradient: autograd.grad([y.square().sum()], [input])[0]);
        }).ToArray();
        Assert.True(results[0].Y.equal(results[1].Y).all().item<bool>());
        Assert.True(results[0].Gradient.equal(results[1].Gradient).all().item<bool>());
    }

    [Theory]
    [InlineData(8, ScalarType.BFloat16)] // the kernel
    [InlineData(8, ScalarType.Float16)]
    [InlineData(3, ScalarType.BFloat16)] // tensor operations
    [InlineData(3, ScalarType.Float16)]
    public void Half_precision_reads_at_the_right_place_of_a_large_map(long channels, ScalarType type)
    {
        // bfloat16 counts to 256 one by one, float16 to 2048.
        const long height = 3, width = 2100;
        using var layer = new DeformableConv2d(channels, channels, bias: false);
        var centre = zeros(channels, channels, 3, 3);
        centre.select(3, 1).select(2, 1).copy_(eye(channels));
        layer.NamedWeights().Single().Value.Assign(centre.to(type));
        random.manual_seed(5);
        var x = randint(0, 2, [1, channels, height, width]).to(type).mul_(2).sub_(1); // -1 and 1
        var offset = zeros([1, 18, height, width], type);
        Assert.Equal(channels == 8, DeformableConvolutionFunction.Accepts(x.to(ScalarType.Float32), offset.to(ScalarType.Float32), ones(1, 9, height, width), layer.NamedWeights().Single().Value, null));
        var (there, right) = (layer.Forward(x, offset, ones([1, 9, height, width], type)), layer.Forward(x, offset.add(1), ones([1, 9, height, width], type)));
        Assert.Equal(type, there.dtype);
        Assert.True((there - x).abs().max().to(ScalarType.Float32).item<float>() < 0.01);
        // One further down and to the right, zero beyond the border.
        var expected = nn.functional.pad(x.narrow(2, 1, height - 1).narrow(3, 1, width - 1), [0, 1, 0, 1]);
        Assert.True((right - expected).abs().max().to(ScalarType.Float32).item<float>() < 0.01);
    }

    [Theory]
    [InlineData(8, 5, 1)]
    [InlineData(3, 4, 2)]
    public void Half_precision_and_its_gradients_are_those_of_float32_up_to_rounding(long inChannels, long outChannels, long stride)
    {
        using var whole = Layer(inChannels, outChannels, stride, ScalarType.Float32);
        using var half = Layer(inChannels, outChannels, stride, ScalarType.BFloat16);
        var (x, offset, mask) = Inputs(1, inChannels, 9, 12, stride, ScalarType.Float32);
        Tensor[] expected = Run(whole, ScalarType.Float32), actual = Run(half, ScalarType.BFloat16);
        for (var i = 0; i < expected.Length; i++)
            Assert.True(((actual[i] - expected[i]).norm() / expected[i].norm()).item<float>() < 0.05, $"{i}: {(actual[i] - expected[i]).norm().item<float>()} of {expected[i].norm().item<float>()}");

        Tensor[] Run(DeformableConv2d layer, ScalarType type)
        {
            Tensor[] inputs = [.. ((Tensor[])[x, offset, mask]).Select(t => t.to(ScalarType.BFloat16).to(type).detach().clone().requires_grad_())];
            var y = layer.Forward(inputs[0], inputs[1], inputs[2]);
            return [.. ((Tensor[])[y, .. autograd.grad([y.to(ScalarType.Float32).square().sum()], inputs)]).Select(t => t.to(ScalarType.Float32))];
        }
    }

    [Fact]
    public void Wrong_shapes_are_refused_with_the_numbers()
    {
        using var layer = Layer(8, 6, 2, ScalarType.Float32);
        var x = zeros(1, 8, 5, 6);
        AssertRefused("[1,7,5,6]", () => layer.Forward(zeros(1, 7, 5, 6), zeros(1, 18, 3, 3), zeros(1, 9, 3, 3)));
        AssertRefused("[1,17,3,3]", () => layer.Forward(x, zeros(1, 17, 3, 3), zeros(1, 9, 3, 3)));
        AssertRefused("[2,9,3,3]", () => layer.Forward(x, zeros(1, 18, 3, 3), zeros(2, 9, 3, 3)));
        AssertRefused("[1,18,2,3], too small for an output of [1,18,3,3]", () => layer.Forward(x, zeros(1, 18, 2, 3), zeros(1, 9, 3, 3)));

        static void AssertRefused(string part, Action forward) => Assert.Contains(part, Assert.Throws<ArgumentException>(forward).Message);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_step_leaves_no_tensor_behind(bool trainable)
    {
        using var layer = Layer(8, 6, 1, ScalarType.Float32);
        layer.SetRequiresGrad(trainable);
        Step(); // derives what it keeps
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Step();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);

        void Step()
        {
            using var scope = NewDisposeScope();
            var (x, offset, mask) = Inputs(1, 8, 4, 5, 1, ScalarType.Float32);
            layer.Forward(x.requires_grad_(), offset.requires_grad_(), mask.requires_grad_()).sum().backward();
            foreach (var (_, weight) in layer.NamedWeights()) weight.Value.grad?.Dispose();
        }
    }

    static DeformableConv2d Layer(long inChannels, long outChannels, long stride, ScalarType type)
    {
        var layer = new DeformableConv2d(inChannels, outChannels, stride);
        using var generator = new Generator(3);
        foreach (var (_, weight) in layer.NamedWeights()) weight.Assign(randn([.. weight.Shape], generator: generator).mul_(0.2).to(type));
        return layer;
    }

    static (Tensor X, Tensor Offset, Tensor Mask) Inputs(long batch, long channels, long height, long width, long stride, ScalarType type)
    {
        random.manual_seed(5);
        var (h, w) = (((height - 1) / stride) + 1, ((width - 1) / stride) + 1);
        return (randn(batch, channels, height, width).to(type), randn(batch, 18, h, w).mul_(2).to(type), rand(batch, 9, h, w).to(type));
    }

    static bool Accepts(DeformableConv2d layer, Tensor x, Tensor offset, Tensor mask)
    {
        var weights = layer.NamedWeights().ToDictionary();
        return DeformableConvolutionFunction.Accepts(x, offset, mask, weights["weight"], weights["bias"].Value);
    }

    static Tensor Exact(Tensor x) => x.detach().to(ScalarType.Float64);

    static void AssertClose(Tensor expected, Tensor actual, double scale = 1)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.True(Exact(actual).allclose(Exact(expected), rtol: 1e-4, atol: 1e-4 * scale), $"differs by {(Exact(actual) - Exact(expected)).abs().max().item<double>()}");
    }
}
