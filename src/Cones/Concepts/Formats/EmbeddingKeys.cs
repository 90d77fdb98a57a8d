namespace Cones.Concepts.Formats;

/// <summary>Which key of which program stands for which embedding.</summary>
static class EmbeddingKeys
{
    // The first row that fits is used for writing.
    static readonly (EmbeddingFormat Format, string Key, TextEncoderSide Side, string Encoder)[] s_keys =
    [
        (EmbeddingFormat.Kohya, "clip_l", TextEncoderSide.Input, EmbeddingFile.FirstEncoder),
        (EmbeddingFormat.Kohya, "clip_g", TextEncoderSide.Input, EmbeddingFile.SecondEncoder),
        (EmbeddingFormat.Kohya, "emb_params", TextEncoderSide.Input, EmbeddingFile.FirstEncoder),
        (EmbeddingFormat.OneTrainer, "clip_l", TextEncoderSide.Input, EmbeddingFile.FirstEncoder),
        (EmbeddingFormat.OneTrainer, "clip_g", TextEncoderSide.Input, EmbeddingFile.SecondEncoder),
        (EmbeddingFormat.OneTrainer, "clip_l_out", TextEncoderSide.Output, EmbeddingFile.FirstEncoder),
        (EmbeddingFormat.OneTrainer, "clip_g_out", TextEncoderSide.Output, EmbeddingFile.SecondEncoder),
        (EmbeddingFormat.OneTrainer, "emp_params", TextEncoderSide.Input, EmbeddingFile.FirstEncoder),
        (EmbeddingFormat.OneTrainer, "emp_params_out", TextEncoderSide.Output, EmbeddingFile.FirstEncoder),
    ];

    /// <summary>The format whose keys these are, or null. <c>clip_l</c> and <c>clip_g</c> alone are taken for kohya's.</summary>
    public static EmbeddingFormat? FormatOf(IReadOnlyCollection<string> keys)
    {
        foreach (var format in new[] { EmbeddingFormat.Kohya, EmbeddingFormat.OneTrainer })
        {
            var known = s_keys.Where(k => k.Format == format).Select(k => k.Key).ToHashSet();

            // One encoder's name or two encoders' names, not both.
            if (keys.Count > 0 && keys.All(known.Contains) && keys.Select(IsOfTwo).Distinct().Count() == 1) return format;
        }

        return null;
    }

    /// <summary>Where the embedding of a key belongs.</summary>
    public static (TextEncoderSide Side, string Encoder) PlaceOf(EmbeddingFormat format, string key)
    {
        var (_, _, side, encoder) = s_keys.First(k => k.Format == format && k.Key == key);
        return (side, encoder);
    }

    /// <summary>The key for an embedding, or null where the format has no place for it.</summary>
    /// <param name="format">The format.</param>
    /// <param name="side">The end of the encoder.</param>
    /// <param name="encoder">The encoder.</param>
    /// <param name="two">Whether the file names two encoders.</param>
    public static string? KeyOf(EmbeddingFormat format, TextEncoderSide side, string encoder, bool two) =>
        s_keys.FirstOrDefault(k => k.Format == format && k.Side == side && k.Encoder == encoder && IsOfTwo(k.Key) == two).Key;

    public static bool IsOfTwo(string key) => key.StartsWith("clip_", StringComparison.Ordinal);
}
