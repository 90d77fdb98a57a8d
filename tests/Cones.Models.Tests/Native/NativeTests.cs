using Cones.Models.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests;

public sealed class NativeTests
{
    [Fact]
    public void TorchSharp_loads_and_computes()
    {
        LibTorch.Initialize();
        using var x = ones(2, 3);
        using var sum = x.sum();
        Assert.Equal(6f, sum.item<float>());
    }
}
