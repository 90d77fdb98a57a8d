using Cones.Models.Configuration;
using Cones.Models.Layers;

namespace Cones.Models.Swin;

/// <summary>The shape of a <see cref="SwinBackbone"/>; names and defaults are those of <c>SwinConfig</c> in transformers (Swin-T).</summary>
public sealed record SwinConfig
{
    /// <summary>Channels of the image.</summary>
    public int NumChannels { get; init; } = 3;

    /// <summary>The side of a patch in pixels.</summary>
    public int PatchSize { get; init; } = 4;

    /// <summary>The width of the first stage; every later one has twice the width of the one before.</summary>
    public int EmbedDim { get; init; } = 96;

    /// <summary>Blocks of each stage.</summary>
    public IReadOnlyList<int> Depths { get; init; } = [2, 2, 6, 2];

    /// <summary>Attention heads of each stage; they divide its width.</summary>
    public IReadOnlyList<int> NumHeads { get; init; } = [3, 6, 12, 24];

    /// <summary>The side of an attention window in tokens.</summary>
    public int WindowSize { get; init; } = 7;

    /// <summary>The width of the feed-forward layers, in widths of the stage.</summary>
    public double MlpRatio { get; init; } = 4;

    /// <summary>Whether queries, keys and values have a bias.</summary>
    public bool QkvBias { get; init; } = true;

    /// <summary>The activation of the feed-forward layers, a name in <see cref="Activations"/>.</summary>
    public string HiddenAct { get; init; } = "gelu";

    /// <summary>The epsilon of the norms within blocks; the others have 1e-5 always.</summary>
    public double LayerNormEps { get; init; } = 1e-5;

    /// <summary>The stages whose maps are given out, ascending: 0 for the patch embeddings (<c>stem</c>), 1 for the first stage.</summary>
    public IReadOnlyList<int> OutStages { get; init; } = [2, 3, 4];

    /// <summary>The width of a stage, counted as in <see cref="OutStages"/>.</summary>
    public int WidthOf(int stage) => EmbedDim << Math.Max(stage - 1, 0);

    /// <summary>The pixels on a side of what one element of a stage's map stands for.</summary>
    public int StrideOf(int stage) => PatchSize << Math.Max(stage - 1, 0);

    /// <summary>Reads <c>config.json</c>.</summary>
    /// <exception cref="ConesException">The file cannot be read, or describes an impossible or another kind of model.</exception>
    public static SwinConfig FromFile(string path) => From(ConfigReader.Open(path));

    /// <summary>As <see cref="FromFile"/>, of a configuration within another one (<c>backbone_config</c>).</summary>
    /// <exception cref="ConesException">The values describe an impossible or another kind of model.</exception>
    public static SwinConfig From(ConfigReader json)
    {
        json.RequireOneOf("model_type", "\"swin\"");
        json.RequireOneOf("use_absolute_embeddings", "false");
        var depths = json.Ints("depths", [2, 2, 6, 2]);
        var config = new SwinConfig
        {
            NumChannels = json.Int("num_channels", 3),
            PatchSize = json.Int("patch_size", 4),
            EmbedDim = json.Int("embed_dim", 96),
            Depths = depths,
            NumHeads = json.Ints("num_heads", [3, 6, 12, 24]),
            WindowSize = json.Int("window_size", 7),
            MlpRatio = json.Double("mlp_ratio", 4),
            QkvBias = json.Bool("qkv_bias", true),
            HiddenAct = json.Text("hidden_act", "gelu"),
            LayerNormEps = json.Double("layer_norm_eps", 1e-5),
            OutStages = ReadOutStages(json, depths.Count),
        };
        try
        {
            config.Validate();
            return config;
        }
        catch (ArgumentException e)
        {
            throw new ConesException($"{json.Path} describes an impossible Swin: {e.Message}", e);
        }
    }

    /// <summary>Checks that a model of this shape can exist.</summary>
    /// <exception cref="ArgumentException">It cannot; the message holds the numbers.</exception>
    public void Validate()
    {
        foreach (var (name, value) in (ReadOnlySpan<(string, int)>)
            [("num_channels", NumChannels), ("patch_size", PatchSize), ("embed_dim", EmbedDim), ("window_size", WindowSize), ("the number of depths", Depths.Count), .. Depths.Select(d => ("a depth", d)), .. NumHeads.Select(h => ("a number of heads", h))])
            if (value < 1) throw new ArgumentException($"{name} is {value}, but must be at least 1");
        if (NumHeads.Count != Depths.Count) throw new ArgumentException($"num_heads has {NumHeads.Count} entries, depths has {Depths.Count}");
        for (var i = 0; i < NumHeads.Count; i++)
            if (WidthOf(i + 1) % NumHeads[i] != 0)
                throw new ArgumentException($"stage {i + 1} is {WidthOf(i + 1)} wide, which is not a multiple of its {NumHeads[i]} heads");
        if (!(EmbedDim * MlpRatio >= 1)) throw new ArgumentException($"mlp_ratio is {MlpRatio}, which leaves no feed-forward layer");
        if (!(LayerNormEps > 0)) throw new ArgumentException($"layer_norm_eps is {LayerNormEps}, but must be above 0");
        if (OutStages.Count == 0 || OutStages.Any(s => s < 0 || s > Depths.Count) || OutStages.Zip(OutStages.Skip(1)).Any(p => p.First >= p.Second))
            throw new ArgumentException($"the stages given out are [{string.Join(",", OutStages)}], but must ascend within 0 to {Depths.Count}");
        try
        {
            Activations.Named(HiddenAct);
        }
        catch (NotSupportedException e)
        {
            throw new ArgumentException($"hidden_act: {e.Message}", e);
        }
    }

    // By name, else by index, else the last stage.
    static int[] ReadOutStages(ConfigReader json, int stages)
    {
        var names = Enumerable.Range(0, stages + 1).Select(i => i == 0 ? "stem" : $"stage{i}").ToList();
        if (json.Has("out_features"))
            return [.. json.Texts("out_features", []).Select(n => names.IndexOf(n) is >= 0 and var i ? i : throw new ConesException($"{json.Path}: out_features names {n}, but there are {string.Join(", ", names)}")).Order()];
        return [.. json.Ints("out_indices", [stages]).Select(i => i < 0 ? i + stages + 1 : i).Order()];
    }
}
