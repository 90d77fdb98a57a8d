using System.Security.Cryptography;
using System.Text;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tasks.Segmentation;

/// <summary>SHA-256 of weights: what tells a model from another one of the same shape.</summary>
static class WeightDigest
{
    /// <summary>The digest of names, types and values of the weights whose names begin with a prefix, and of what else decides a result.</summary>
    /// <returns>64 hexadecimal digits.</returns>
    public static string Of(Module model, string prefix, params ReadOnlySpan<string> further)
    {
        using var noGrad = no_grad();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var text in further) hash.AppendData(Encoding.UTF8.GetBytes(text + "\n"));
        foreach (var (name, weight) in model.NamedWeights().Where(w => w.Key.StartsWith(prefix, StringComparison.Ordinal)).OrderBy(w => w.Key, StringComparer.Ordinal))
        {
            using var scope = NewDisposeScope();
            hash.AppendData(Encoding.UTF8.GetBytes($"{name}:{weight.Value.dtype}:{weight.Value.device.type}\n"));
            hash.AppendData(weight.Value.detach().cpu().contiguous().bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
