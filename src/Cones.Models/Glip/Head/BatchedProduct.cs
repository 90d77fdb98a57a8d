using static TorchSharp.torch;

namespace Cones.Models.Glip.Head;

/// <summary>Products of batches of matrices.</summary>
static class BatchedProduct
{
    /// <summary><c>sum + a b</c> in one pass.</summary>
    /// <param name="sum">[B, n, p], or a shape that is expanded to it.</param>
    /// <param name="a">[B, n, m].</param>
    /// <param name="b">[B, m, p].</param>
    /// <remarks>TorchSharp 0.107's <c>baddbmm</c> is a method of the first factor, and takes the sum last, whatever its parameters are called.</remarks>
    public static Tensor Add(Tensor sum, Tensor a, Tensor b) => a.baddbmm(b, sum);
}
