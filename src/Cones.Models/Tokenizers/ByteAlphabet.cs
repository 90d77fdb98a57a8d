using System.Collections.Frozen;

namespace Cones.Models.Tokenizers;

/// <summary>
/// One printable character for each byte, the alphabet of byte-level vocabularies (GPT-2's <c>bytes_to_unicode</c>): bytes
/// that are printable in Latin-1 stand for themselves, the others get U+0100, U+0101, ... in order.
/// </summary>
static class ByteAlphabet
{
    static readonly char[] s_chars = Build();
    static readonly FrozenDictionary<char, byte> s_bytes = s_chars.Select((c, b) => (c, b)).ToFrozenDictionary(p => p.c, p => (byte)p.b);

    /// <summary>The character of a byte.</summary>
    public static char CharOf(byte value) => s_chars[value];

    /// <summary>The byte of a character, if it belongs to the alphabet.</summary>
    public static bool TryGetByte(char character, out byte value) => s_bytes.TryGetValue(character, out value);

    static char[] Build()
    {
        var next = (char)0x100;
        var chars = new char[256];
        for (var b = 0; b < 256; b++)
            chars[b] = b is (>= '!' and <= '~') or (>= 0xa1 and <= 0xac) or (>= 0xae and <= 0xff) ? (char)b : next++;
        return chars;
    }
}
