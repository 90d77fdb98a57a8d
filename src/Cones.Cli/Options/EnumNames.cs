using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using Cones.Models;

namespace Cones.Cli.Options;

/// <summary>The values of an enumeration by the names that they have in options and JSON.</summary>
static class EnumNames<T>
    where T : struct, Enum
{
    static readonly (string Name, T Value)[] s_all =
        [.. typeof(T).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (NameOf(f), (T)f.GetValue(null)!))];

    /// <summary>Every name, separated by commas.</summary>
    public static string All => string.Join(", ", s_all.Select(n => n.Name));

    /// <summary>The name of a value.</summary>
    public static string Of(T value) => s_all.First(n => n.Value.Equals(value)).Name;

    /// <summary>The value of a name.</summary>
    /// <param name="name">The name.</param>
    /// <param name="what">What it is the name of, for the message.</param>
    /// <param name="option">The option, for the message.</param>
    /// <exception cref="ConesException">No value has the name.</exception>
    public static T Parse(string name, string what, string option)
    {
        foreach (var (known, value) in s_all)
            if (known == name) return value;
        throw new ConesException($"the {what} '{name}' is not known: {All} ({option})");
    }

    static string NameOf(FieldInfo field) =>
        field.GetCustomAttribute<JsonStringEnumMemberNameAttribute>()?.Name ?? JsonNamingPolicy.KebabCaseLower.ConvertName(field.Name);
}
