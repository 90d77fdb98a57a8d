using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cones.Models;

namespace Cones.Concepts;

/// <summary>
/// Says which models a concept fits: SHA-256 of the configurations and of the dimensions of the text space. Fine-tuned
/// weights of the same architecture share it on purpose, since their text spaces are close.
/// </summary>
public static class ModelFingerprint
{
    // Written by libraries, without influence on the network.
    static readonly HashSet<string> s_ignored =
        ["_class_name", "_diffusers_version", "_name_or_path", "transformers_version", "dtype", "torch_dtype", "sample_size", "architectures", "model_type"];

    /// <summary>The fingerprint of a model.</summary>
    /// <param name="configurations">The paths of the <c>config.json</c> files, in a fixed order.</param>
    /// <param name="dimensions">The dimensions of the text space, e.g. slots and width.</param>
    /// <returns>64 hexadecimal digits.</returns>
    public static string Compute(IEnumerable<string> configurations, params ReadOnlySpan<long> dimensions)
    {
        var text = new StringBuilder();
        foreach (var path in configurations)
        {
            try
            {
                using var document = JsonDocument.Parse(File.ReadAllBytes(path));
                AppendCanonical(text, document.RootElement);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
            {
                throw new ConesException($"{path} cannot be read as a configuration: {e.Message}", e);
            }

            text.Append('\n');
        }

        text.AppendJoin('x', dimensions.ToArray());
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    // Sorted keys, no null values, numbers as written by the shortest round-trip: the same model saved by another version
    // of a library keeps its fingerprint.
    static void AppendCanonical(StringBuilder text, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                text.Append('{');
                foreach (var property in element.EnumerateObject()
                             .Where(p => !s_ignored.Contains(p.Name) && p.Value.ValueKind != JsonValueKind.Null)
                             .OrderBy(p => p.Name, StringComparer.Ordinal))
                {
                    text.Append(property.Name).Append(':');
                    AppendCanonical(text, property.Value);
                    text.Append(',');
                }

                text.Append('}');
                break;
            case JsonValueKind.Array:
                text.Append('[');
                foreach (var item in element.EnumerateArray())
                {
                    AppendCanonical(text, item);
                    text.Append(',');
                }

                text.Append(']');
                break;
            case JsonValueKind.Number:
                text.Append(element.GetDouble().ToString("r", System.Globalization.CultureInfo.InvariantCulture));
                break;
            default:
                text.Append(element.ToString());
                break;
        }
    }
}
