namespace Cones.Models.Tokenizers;

/// <summary>A token that is matched as a string in the text before words are split (Hugging Face: <c>AddedToken</c>).</summary>
/// <param name="Content">The exact string.</param>
/// <param name="Id">Its id.</param>
public sealed record AddedToken(string Content, int Id)
{
    /// <summary>Decoding with <c>skipSpecial</c> drops it.</summary>
    public bool Special { get; init; }

    /// <summary>It is matched in the normalised text (so in any casing) and not in the raw text.</summary>
    public bool Normalized { get; init; }

    /// <summary>It is matched only where no letter, digit or underscore touches it.</summary>
    public bool SingleWord { get; init; }

    /// <summary>It takes the white space on its left with it.</summary>
    public bool LStrip { get; init; }

    /// <summary>It takes the white space on its right with it.</summary>
    public bool RStrip { get; init; }
}
