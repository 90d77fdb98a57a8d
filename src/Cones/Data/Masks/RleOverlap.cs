namespace Cones.Data.Masks;

/// <summary>Walks over two masks at once.</summary>
static class RleOverlap
{
    internal static void RequireSameSize(RleMask a, RleMask b)
    {
        if (a.Height != b.Height || a.Width != b.Width)
            throw new ArgumentException($"a mask of {a.Height}x{a.Width} and one of {b.Height}x{b.Width} (height x width) cannot be compared");
    }

    internal static RleMask Merge(RleMask a, RleMask b, bool intersect)
    {
        RequireSameSize(a, b);
        var runs = new RunBuilder(a.Height, a.Width);
        var walk = new Walk(a.Counts, b.Counts);
        while (walk.Next(out var length, out var inA, out var inB)) runs.Append(intersect ? inA && inB : inA || inB, length);
        return runs.ToMask();
    }

    /// <summary>The pixels in both masks and in any.</summary>
    internal static (long Intersection, long Union) Count(RleMask a, RleMask b)
    {
        long intersection = 0, union = 0;
        var walk = new Walk(a.Counts, b.Counts);
        while (walk.Next(out var length, out var inA, out var inB))
        {
            if (inA || inB) union += length;
            if (inA && inB) intersection += length;
        }

        return (intersection, union);
    }

    /// <summary>The stretches over which neither mask changes.</summary>
    ref struct Walk(ReadOnlySpan<uint> a, ReadOnlySpan<uint> b)
    {
        readonly ReadOnlySpan<uint> _a = a;
        readonly ReadOnlySpan<uint> _b = b;
        int _nextA;
        int _nextB;
        uint _leftA;
        uint _leftB;

        internal bool Next(out uint length, out bool inA, out bool inB)
        {
            while (_leftA == 0 && _nextA < _a.Length) _leftA = _a[_nextA++];
            while (_leftB == 0 && _nextB < _b.Length) _leftB = _b[_nextB++];
            length = Math.Min(_leftA, _leftB);
            _leftA -= length;
            _leftB -= length;
            // Runs with odd numbers are inside; _next points behind the run.
            inA = _nextA % 2 == 0;
            inB = _nextB % 2 == 0;
            return length > 0;
        }
    }
}
