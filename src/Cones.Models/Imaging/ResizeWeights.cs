namespace Cones.Models.Imaging;

/// <summary>Which source pixels make each result pixel of one pass, with their weights in 22-bit fixed point.</summary>
/// <remarks>Pillow, <c>Resample.c</c>: weights are computed in float64, normalised to a sum of 1, then rounded away from zero.</remarks>
sealed class ResizeWeights
{
    /// <summary>Binary digits after the point: 32 less 8 of the pixel and 2 for filters with negative lobes.</summary>
    internal const int Precision = 22;

    ResizeWeights(int[] first, int[] count, int[] weights, int stride)
    {
        First = first;
        Count = count;
        Weights = weights;
        Stride = stride;
    }

    /// <summary>For each result pixel the first source pixel.</summary>
    internal int[] First { get; }

    /// <summary>For each result pixel the number of source pixels.</summary>
    internal int[] Count { get; }

    /// <summary>The weights, <see cref="Stride"/> a result pixel.</summary>
    internal int[] Weights { get; }

    /// <summary>The distance between the weights of two result pixels.</summary>
    internal int Stride { get; }

    internal static ResizeWeights Create(int from, int to, ResampleFilter filter)
    {
        var (function, filterSupport) = Function(filter);
        var scale = (double)from / to;
        var filterScale = Math.Max(scale, 1.0);
        var support = filterSupport * filterScale;
        var stride = checked(((int)Math.Ceiling(support) * 2) + 1);
        var first = new int[to];
        var count = new int[to];
        var weights = new int[checked(to * stride)];
        var exact = new double[stride];
        var inverse = 1.0 / filterScale;
        for (var i = 0; i < to; i++)
        {
            var center = (i + 0.5) * scale;
            var begin = Math.Max(0, (int)(center - support + 0.5));
            var n = Math.Min(from, (int)(center + support + 0.5)) - begin;
            var sum = 0.0;
            for (var k = 0; k < n; k++) sum += exact[k] = function((k + begin - center + 0.5) * inverse);
            for (var k = 0; k < n; k++)
            {
                var fixedPoint = (sum != 0 ? exact[k] / sum : exact[k]) * (1 << Precision);
                weights[(i * stride) + k] = (int)(fixedPoint < 0 ? fixedPoint - 0.5 : fixedPoint + 0.5);
            }

            first[i] = begin;
            count[i] = n;
        }

        return new ResizeWeights(first, count, weights, stride);
    }

    static (Func<double, double> Function, double Support) Function(ResampleFilter filter) => filter switch
    {
        ResampleFilter.Box => (Box, 0.5),
        ResampleFilter.Bilinear => (Bilinear, 1),
        ResampleFilter.Hamming => (Hamming, 1),
        ResampleFilter.Bicubic => (Bicubic, 2),
        ResampleFilter.Lanczos => (Lanczos, 3),
        _ => throw new ArgumentOutOfRangeException(nameof(filter), $"{filter} is not one of Pillow's filters 0 to 5"),
    };

    static double Box(double x) => x is > -0.5 and <= 0.5 ? 1 : 0;

    static double Bilinear(double x) => Math.Max(0, 1 - Math.Abs(x));

    static double Hamming(double x)
    {
        x = Math.Abs(x);
        if (x == 0) return 1;
        return x < 1 ? Sinc(x) * (0.54 + (0.46 * Math.Cos(Math.PI * x))) : 0;
    }

    static double Bicubic(double x)
    {
        const double A = -0.5;
        x = Math.Abs(x);
        if (x < 1) return (((((A + 2) * x) - (A + 3)) * x) * x) + 1;
        return x < 2 ? ((((((x - 5) * x) + 8) * x) - 4) * A) : 0;
    }

    static double Lanczos(double x) => x is >= -3 and < 3 ? Sinc(x) * Sinc(x / 3) : 0;

    static double Sinc(double x) => x == 0 ? 1 : Math.Sin(x * Math.PI) / (x * Math.PI);
}
