using Cones.Models.Bert;
using Cones.Models.Swin;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino;

/// <summary>Maps the key layouts of checkpoints to those of <see cref="GroundingDinoModel"/>.</summary>
/// <remarks>
/// transformers ties heads: the decoder's copies <c>model.decoder.bbox_embed.*</c> always, the further layers' heads
/// where the configuration shares them. Tied copies may be in a file or not.
/// </remarks>
public static class GroundingDinoKeys
{
    const string BoxHeads = "bbox_embed.";
    const string ClassHeads = "class_embed.";
    const string DecoderPrefix = "model.decoder.";
    const string TextPrefix = "model.text_backbone.";
    const string BackbonePrefix = "model.backbone.conv_encoder.model.";

    /// <summary>The map from a checkpoint's keys to the model's, or to null for tied copies, constants and unused weights.</summary>
    /// <param name="config">The model's configuration, with settled heads.</param>
    public static Func<string, string?> Rename(GroundingDinoConfig config) => key =>
    {
        if (key.StartsWith(DecoderPrefix + BoxHeads, StringComparison.Ordinal) || key.StartsWith(DecoderPrefix + ClassHeads, StringComparison.Ordinal)) return null;
        if (config.SharedBoxHeads && LayerOf(key, BoxHeads) > 0) return null;
        if (config.SharedClassHeads && LayerOf(key, ClassHeads) > 0) return null;
        if (key.StartsWith(TextPrefix, StringComparison.Ordinal)) return Prefixed(TextPrefix, BertKeys.RenameWithoutPooler(key[TextPrefix.Length..]));
        if (key.StartsWith(BackbonePrefix, StringComparison.Ordinal)) return Prefixed(BackbonePrefix, SwinKeys.Backbone(key[BackbonePrefix.Length..]));
        return key;
    };

    /// <summary>
    /// Shares heads or not as the file's weights say: heads of further layers that are absent are shared whatever the
    /// configuration says, heads that differ from the first one are not.
    /// </summary>
    /// <exception cref="ConesException">The file is damaged.</exception>
    public static GroundingDinoConfig SettleHeads(GroundingDinoConfig config, ICheckpoint checkpoint) => config with
    {
        SharedBoxHeads = AreTied(checkpoint, BoxHeads, config.SharedBoxHeads),
        SharedClassHeads = AreTied(checkpoint, ClassHeads, config.SharedClassHeads),
    };

    static bool AreTied(ICheckpoint checkpoint, string heads, bool configured)
    {
        foreach (var key in checkpoint.Tensors.Keys.Where(k => LayerOf(k, heads) > 0))
        {
            if (!configured) return false;
            var first = $"{heads}0{key[key.IndexOf('.', heads.Length)..]}";
            if (!checkpoint.Tensors.TryGetValue(first, out var info) || !info.Shape.SequenceEqual(checkpoint.Tensors[key].Shape)) return false;
            using var scope = NewDisposeScope();
            if (!checkpoint.Read(first).eq(checkpoint.Read(key)).all().item<bool>()) return false;
        }

        return true;
    }

    // The decoder layer of a key `heads.N.…`, or -1 for another key.
    static int LayerOf(string key, string heads)
    {
        if (!key.StartsWith(heads, StringComparison.Ordinal)) return -1;
        var end = key.IndexOf('.', heads.Length);
        return end > 0 && int.TryParse(key.AsSpan(heads.Length..end), out var layer) ? layer : -1;
    }

    static string? Prefixed(string prefix, string? name) => name is null ? null : prefix + name;
}
