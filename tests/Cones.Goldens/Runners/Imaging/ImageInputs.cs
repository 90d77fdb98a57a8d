using System.Globalization;
using Cones.Models.Imaging;

namespace Cones.Goldens.Runners.Imaging;

/// <summary>The images <c>in.0</c>, <c>in.1</c>, ... of a case.</summary>
static class ImageInputs
{
    internal static IReadOnlyList<int> Indices(GoldenCase golden) =>
    [
        .. golden.Tensors.Keys
            .Select(k => k.StartsWith("in.", StringComparison.Ordinal) && int.TryParse(k[3..], NumberStyles.None, CultureInfo.InvariantCulture, out var i) ? i : -1)
            .Where(i => i >= 0)
            .Order(),
    ];

    internal static RgbImage Image(GoldenCase golden, int index) => RgbImage.FromTensor(golden.Tensors[$"in.{index}"]);

    internal static IReadOnlyList<RgbImage> All(GoldenCase golden) => [.. Indices(golden).Select(i => Image(golden, i))];
}
