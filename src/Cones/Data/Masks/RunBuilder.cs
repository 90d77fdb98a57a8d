namespace Cones.Data.Masks;

/// <summary>Collects the run lengths of a mask from left to right; neighbouring runs of one value become one.</summary>
sealed class RunBuilder(int height, int width)
{
    readonly List<uint> _counts = [];
    bool _inside;
    uint _run;
    long _position;

    internal void Append(bool inside, long length)
    {
        if (length == 0) return;
        if (inside != _inside)
        {
            _counts.Add(_run);
            _run = 0;
            _inside = inside;
        }

        _run += (uint)length;
        _position += length;
    }

    /// <summary>Adds ones from <paramref name="start"/> to <paramref name="end"/>, positions in the order of columns, and zeros before them.</summary>
    internal void AppendInterval(long start, long end)
    {
        if (end <= start) return;
        Append(false, start - _position);
        Append(true, end - start);
    }

    internal RleMask ToMask()
    {
        Append(false, ((long)height * width) - _position);
        _counts.Add(_run);
        return new RleMask(height, width, _counts.ToArray());
    }
}
