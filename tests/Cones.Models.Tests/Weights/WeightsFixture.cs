using Cones.Models.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Weights;

/// <summary>A folder and a dispose scope that end with the test.</summary>
public abstract class WeightsFixture : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    static WeightsFixture() => LibTorch.Initialize();

    protected string Folder { get; } = Directory.CreateTempSubdirectory("cones-").FullName;

    protected string PathOf(string name)
    {
        var path = Path.Combine(Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return path;
    }

    protected static string Message(Action action) => Assert.ThrowsAny<ConesException>(action).Message;

    /// <summary>A tensor of 0, 1, 2, ...</summary>
    protected static Tensor Counting(params long[] shape) => arange(shape.Aggregate(1L, (a, b) => a * b), dtype: ScalarType.Float32).reshape(shape);

    protected static bool Same(Tensor a, Tensor b) => a.dtype == b.dtype && a.shape.AsSpan().SequenceEqual(b.shape) && a.eq(b).all().item<bool>();

    public void Dispose()
    {
        _scope.Dispose();
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }
}
