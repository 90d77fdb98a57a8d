using Cones.Models.Layers.Kernels;
using Cones.Models.Layers.Kernels.Products;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Layers.Products;

public sealed unsafe class PackedMatrixTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(5, 7, 3)]
    [InlineData(130, 352, 800)] // several groups of panels, several blocks of the depth
    [InlineData(97, 33, 385)]
    public void Products_are_those_of_the_matrix(long m, long n, long k)
    {
        if (!MatrixProduct.IsSupported) return;
        using var generator = new Generator(3);
        var (a, b, bias) = (randn([m, k], generator: generator), randn([k, n], generator: generator), randn([n], generator: generator));
        var expected = a.matmul(b) + bias;
        foreach (var transposed in (bool[])[false, true])
            foreach (var oneThread in (bool[])[false, true])
            {
                var panels = PackedMatrix.Pack(transposed ? b.t().contiguous() : b, transposed);
                var c = empty(m, n);
                MatrixProduct.Multiply(
                    TensorMemory.Pointer(a), k, new PackedMatrix(panels, k, n), TensorMemory.Pointer(c), n, m, TensorMemory.Pointer(bias), oneThread);
                Assert.True(c.allclose(expected, rtol: 1e-4, atol: 1e-3));
            }
    }

    [Fact]
    public void Some_columns_can_be_taken()
    {
        if (!MatrixProduct.IsSupported) return;
        var (a, b) = (randn(20, 400), randn(400, 128));
        var matrix = new PackedMatrix(PackedMatrix.Pack(b, false), 400, 128);
        var c = empty(20, 40);
        MatrixProduct.Multiply(TensorMemory.Pointer(a), 400, matrix.Slice(32, 64).Slice(32, 32), TensorMemory.Pointer(c), 40, 20);
        Assert.True(c.narrow(1, 0, 32).allclose(a.matmul(b.narrow(1, 64, 32)), rtol: 1e-4, atol: 1e-3));
        Assert.Throws<ArgumentException>(() => matrix.Slice(16, 32));
        Assert.Throws<ArgumentException>(() => matrix.Slice(96, 64));
    }
}
