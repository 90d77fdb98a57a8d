namespace Cones.Data.Coco;

/// <summary>
/// Python writes NaN and Infinity into JSON, which does not know them. They become empty strings, so that the one broken record
/// can be named instead of the whole file being refused.
/// </summary>
sealed class NonFiniteLiterals
{
    bool _inString;

    /// <summary>Replaces the literals in place.</summary>
    /// <param name="buffer">The data.</param>
    /// <param name="from">Where what was not yet looked at begins.</param>
    /// <param name="final">Whether no data follow.</param>
    /// <returns>Where what cannot be decided yet begins.</returns>
    internal int Process(Span<byte> buffer, int from, bool final)
    {
        while (from < buffer.Length)
        {
            var rest = buffer[from..];
            var next = _inString ? rest.IndexOfAny((byte)'"', (byte)'\\') : rest.IndexOfAny((byte)'"', (byte)'N', (byte)'I');
            if (next < 0) return buffer.Length;
            from += next;
            switch (buffer[from])
            {
                case (byte)'"':
                    _inString = !_inString;
                    from++;
                    break;
                case (byte)'\\':
                    if (from + 1 == buffer.Length && !final) return from;
                    from += 2;
                    break;
                default:
                    var literal = buffer[from] == 'N' ? "NaN"u8 : "Infinity"u8;
                    if (buffer.Length - from < literal.Length && !final) return from;
                    from += Replace(buffer, from, literal);
                    break;
            }
        }

        return buffer.Length;
    }

    // Anything else that begins with these letters is left for the JSON reader to refuse.
    static int Replace(Span<byte> buffer, int from, ReadOnlySpan<byte> literal)
    {
        if (!buffer[from..].StartsWith(literal)) return 1;
        buffer.Slice(from, literal.Length).Fill((byte)' ');
        buffer[from] = buffer[from + 1] = (byte)'"';
        if (from > 0 && buffer[from - 1] == '-') buffer[from - 1] = (byte)' ';
        return literal.Length;
    }
}
