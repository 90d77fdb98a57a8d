using Cones.Pretraining.Data;

namespace Cones.Pretraining.Scenes;

/// <summary>
/// A shape's outline in its own coordinates, where it fills about [-1, 1]: the distance to it (negative inside), exact or a
/// little short.
/// </summary>
readonly struct ShapeOutline
{
    const double Sqrt3 = 1.7320508075688772;
    readonly ShapeKind _kind;
    readonly (double Amplitude, double Phase)[] _waves;

    /// <summary>An outline; blobs and cells are different every time.</summary>
    public ShapeOutline(ShapeKind kind, ref CounterRandom random)
    {
        _kind = kind;
        _waves = [];
        if (kind is not (ShapeKind.Blob or ShapeKind.Cell)) return;
        var roughness = kind == ShapeKind.Blob ? 0.16 : 0.05;
        _waves = new (double, double)[4];
        for (var i = 0; i < _waves.Length; i++) _waves[i] = (random.Next(0, roughness) / (1 + (0.5 * i)), random.Next(0, 2 * Math.PI));
    }

    /// <summary>The distance of a point.</summary>
    public double Distance(double x, double y)
    {
        var r = Math.Sqrt((x * x) + (y * y));
        switch (_kind)
        {
            case ShapeKind.Circle: return r - 1;
            case ShapeKind.Square: return Box(x, y, 0.88, 0.88);
            case ShapeKind.Ring: return Math.Abs(r - 0.74) - 0.26;
            case ShapeKind.Cross: return Math.Min(Box(x, y, 1, 0.34), Box(x, y, 0.34, 1));
            case ShapeKind.Diamond: return (Math.Abs(x) + (0.7 * Math.Abs(y)) - 0.7) / 1.2207;
            case ShapeKind.Rod: return Segment(x, y, 0.78) - 0.22;
            case ShapeKind.Crescent: return Math.Max(r - 1, 0.82 - Math.Sqrt(((x - 0.5) * (x - 0.5)) + (y * y)));
            case ShapeKind.Triangle: return Triangle(x, y);
            case ShapeKind.Star: return Star(x, y);
            case ShapeKind.Heart: return Heart(x, y);
            default: return r - Radius(Math.Atan2(y, x));
        }
    }

    static double Box(double x, double y, double halfWidth, double halfHeight)
    {
        var (dx, dy) = (Math.Abs(x) - halfWidth, Math.Abs(y) - halfHeight);
        var outside = Math.Sqrt((Math.Max(dx, 0) * Math.Max(dx, 0)) + (Math.Max(dy, 0) * Math.Max(dy, 0)));
        return outside + Math.Min(Math.Max(dx, dy), 0);
    }

    static double Segment(double x, double y, double half)
    {
        var along = Math.Abs(x) - half;
        return along > 0 ? Math.Sqrt((along * along) + (y * y)) : Math.Abs(y);
    }

    // Three half planes: a tip above, the base at the bottom.
    static double Triangle(double x, double y) => Math.Max((Math.Abs(x) * Sqrt3 / 2) - (y / 2) - 0.5, y - 0.62);

    // The tenth of a star around the positive y axis, repeated: a line from the tip to the notch.
    static double Star(double x, double y)
    {
        const double sector = 2 * Math.PI / 5;
        var r = Math.Sqrt((x * x) + (y * y));
        var angle = Math.Abs((((Math.Atan2(x, -y) % sector) + sector + (sector / 2)) % sector) - (sector / 2));
        var (px, py) = (r * Math.Cos(angle), r * Math.Sin(angle));
        const double notch = 0.44;
        double nx = notch * Math.Cos(sector / 2), ny = notch * Math.Sin(sector / 2);
        double ex = nx - 1, ey = ny;
        var length = Math.Sqrt((ex * ex) + (ey * ey));
        return (((px - 1) * ey) - (py * ex)) / length;
    }

    static double Heart(double x, double y)
    {
        // Two discs above, a square on its tip below: the lower half plane's sides touch the discs.
        var (ax, up) = (Math.Abs(x), -y);
        var disc = Math.Sqrt(((ax - 0.47) * (ax - 0.47)) + ((up - 0.32) * (up - 0.32))) - 0.53;
        var body = Math.Max(((ax * 0.74) - (up * 0.67) - 0.63) / 0.998, up - 0.33 - (0.05 * (1 - ax)));
        return Math.Min(disc, Math.Max(body, ax - 0.93));
    }

    double Radius(double angle)
    {
        var radius = 0.86;
        for (var i = 0; i < _waves.Length; i++) radius += _waves[i].Amplitude * Math.Sin(((i + 2) * angle) + _waves[i].Phase);
        return radius;
    }
}
