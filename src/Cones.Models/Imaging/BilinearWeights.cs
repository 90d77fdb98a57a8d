using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Imaging;

/// <summary>
/// One axis of a bilinear resize without antialiasing, as a matrix (<c>torch.nn.functional.interpolate</c>, <c>align_corners=False</c>).
/// </summary>
/// <remarks>
/// Resizing is linear: several steps are one matrix, whose elements are exact, and maps of any number are resized by two matrix
/// products. LibTorch's own resize computes places in float32 and makes the map of every step.
/// </remarks>
sealed class BilinearWeights
{
    readonly double[,] _weights;

    BilinearWeights(double[,] weights) => _weights = weights;

    /// <summary>The resize of <paramref name="from"/> pixels to <paramref name="to"/>.</summary>
    public static BilinearWeights Resize(int from, int to)
    {
        var weights = new double[to, from];
        for (var i = 0; i < to; i++)
        {
            var place = Math.Max(0, ((i + 0.5) * from / to) - 0.5);
            var low = Math.Min((int)place, from - 1);
            weights[i, low] += 1 - (place - low);
            weights[i, Math.Min(low + 1, from - 1)] += place - low;
        }

        return new BilinearWeights(weights);
    }

    /// <summary>This resize after another one, of whose result it takes the first pixels.</summary>
    public BilinearWeights After(BilinearWeights first)
    {
        var (to, middle, from) = (_weights.GetLength(0), _weights.GetLength(1), first._weights.GetLength(1));
        var weights = new double[to, from];
        for (var i = 0; i < to; i++)
            for (var m = 0; m < middle; m++)
            {
                var w = _weights[i, m];
                if (w == 0) continue;
                for (var j = 0; j < from; j++) weights[i, j] += w * first._weights[m, j];
            }

        return new BilinearWeights(weights);
    }

    /// <summary>Resizes maps [..., h, w] to [..., H, W], in float32.</summary>
    public static Tensor Apply(Tensor maps, BilinearWeights rows, BilinearWeights columns)
    {
        using var scope = NewDisposeScope();
        var wide = maps.to(ScalarType.Float32).matmul(columns.ToTensor(maps.device).t()); // [..., h, w] -> [..., h, W]
        return rows.ToTensor(maps.device).matmul(wide).MoveToOuterDisposeScope(); // [..., H, W]
    }

    // [to, from]
    Tensor ToTensor(Device device)
    {
        var values = new float[_weights.Length];
        var at = 0;
        foreach (var weight in _weights) values[at++] = (float)weight;
        return tensor(values, [_weights.GetLength(0), _weights.GetLength(1)], device: device);
    }
}
