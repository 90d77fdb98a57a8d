using System.Runtime.Intrinsics;
using Cones.Pretraining.Data;

namespace Cones.Pretraining.Tests.Data;

public sealed class IconPainterTests
{
    static byte[] Icon(Func<int, int, (byte R, byte A)> pixel)
    {
        var rgba = new byte[IconPack.Side * IconPack.Side * 4];
        for (var y = 0; y < IconPack.Side; y++)
            for (var x = 0; x < IconPack.Side; x++)
                (rgba[(((y * IconPack.Side) + x) * 4) + 0], rgba[(((y * IconPack.Side) + x) * 4) + 3]) = pixel(x, y);
        return rgba;
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.83)]
    [InlineData(1.4)]
    public void A_plain_icon_stays_plain_at_every_size(double scale)
    {
        var canvas = new Canvas(64, 64);
        canvas.Fill(Vector128.Create(0f, 1f, 0f, 0f));
        IconPainter.Draw(canvas, Icon((_, _) => (255, 255)), Placement.Centered(64, scale, 0.01, -0.02));
        for (var i = 28; i < 36; i++)
        {
            Assert.Equal(1, canvas.Pixels[(i * 64) + i][0], 1e-5f);
            Assert.Equal(0, canvas.Pixels[(i * 64) + i][1], 1e-5f);
        }
    }

    [Fact]
    public void At_its_own_size_an_icon_is_copied_and_mirrored()
    {
        var rgba = Icon((x, y) => ((byte)x, 255));
        var (plain, mirrored) = (new Canvas(128, 128), new Canvas(128, 128));
        IconPainter.Draw(plain, rgba, Placement.Centered(128, 1));
        IconPainter.Draw(mirrored, rgba, Placement.Centered(128, 1, mirrored: true));
        Assert.Equal(10 / 255f, plain.Pixels[10][0], 1e-5f);
        Assert.Equal(10 / 255f, mirrored.Pixels[117][0], 1e-5f);
    }

    [Fact]
    public void Transparent_pixels_leave_the_background()
    {
        var canvas = new Canvas(64, 64);
        canvas.Fill(Vector128.Create(0.5f, 0.5f, 0.5f, 0f));
        IconPainter.Draw(canvas, Icon((x, _) => x < 64 ? ((byte)128, (byte)128) : ((byte)0, (byte)0)), Placement.Centered(64, 1));
        Assert.Equal(0.5f, canvas.Pixels[(10 * 64) + 50][0], 1e-5f);
        // Half a red over gray: 128/255 + 0.5 * 127/255
        Assert.Equal(0.751f, canvas.Pixels[(10 * 64) + 10][0], 1e-3f);
    }

    [Fact]
    public void An_icon_outside_changes_nothing()
    {
        var canvas = new Canvas(16, 16);
        IconPainter.Draw(canvas, Icon((_, _) => (255, 255)), new Placement(40, 40, 10, 10));
        Assert.All(canvas.Pixels, p => Assert.Equal(0, p[0]));
    }
}
