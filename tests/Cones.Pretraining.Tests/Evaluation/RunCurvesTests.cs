using Cones.Models.Imaging;
using Cones.Pretraining.Evaluation;

namespace Cones.Pretraining.Tests.Evaluation;

public sealed class RunCurvesTests
{
    [Fact]
    public void A_falling_curve_begins_above_and_ends_below()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "metrics.jsonl");
        File.WriteAllLines(path, ["{\"step\":20,\"loss\":5}", "{\"step\":40,\"ap\":3}", "{\"step\":60,\"loss\":null}", "{\"step\":1000,\"loss\":0.1}"]);
        var image = RunCurves.Draw(path, [("loss", ["loss"]), ("none", ["missing"])]);
        int[] columns = [60, image.Width / 2 - 30];
        var heights = columns.Select(c => Enumerable.Range(28, 240).Where(y => IsColoured(image[c, y])).Average()).ToArray();
        Assert.True(heights[0] + 100 < heights[1], string.Join(", ", heights));
    }

    static bool IsColoured(Rgb pixel) => Math.Max(pixel.R, Math.Max(pixel.G, pixel.B)) - Math.Min(pixel.R, Math.Min(pixel.G, pixel.B)) > 60;
}
