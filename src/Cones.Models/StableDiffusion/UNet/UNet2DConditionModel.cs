using Cones.Models.Layers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.StableDiffusion.UNet;

/// <summary>What SDXL's UNet takes beside the prompt embeddings.</summary>
/// <param name="TextEmbeds">The pooled prompt embedding, [B, P].</param>
/// <param name="TimeIds">[B, 6]: original height and width, crop top and left, target height and width, in pixels.</param>
public sealed record AddedConditions(Tensor TextEmbeds, Tensor TimeIds);

/// <summary>The denoising network of Stable Diffusion 1.x, 2.x and XL, as diffusers' <c>UNet2DConditionModel</c>.</summary>
public sealed class UNet2DConditionModel : Module
{
    readonly Conv2d _convIn;
    readonly Func<Tensor, Tensor> _projectTime;
    readonly TimeEmbedding _timeEmbedding;
    readonly Linear? _promptProjection;
    readonly Func<Tensor, Tensor>? _embedClass;
    readonly TimeEmbedding? _addEmbedding;
    readonly ModuleList<DownBlock> _down;
    readonly MidBlock? _mid;
    readonly ModuleList<UpBlock> _up;
    readonly GroupNorm _normOut;
    readonly Conv2d _convOut;
    readonly Func<Tensor, Tensor> _actOnTime;

    // What diffusers' TimestepEmbedding takes where it is not told the model's act_fn.
    const string DefaultAct = "silu";

    /// <summary>A model without weights.</summary>
    /// <exception cref="ArgumentException">The configuration's numbers do not fit together.</exception>
    public UNet2DConditionModel(UNet2DConditionConfig config)
    {
        config.Validate();
        Config = config;
        var channels = config.BlockOutChannels;
        var timeDim = config.TimeDim;
        _convIn = Add("conv_in", new Conv2d(config.InChannels, channels[0], config.ConvInKernel, padding: (config.ConvInKernel - 1) / 2));
        _projectTime = config.FourierTime
            ? Add("time_proj", new FourierTimes(timeDim, config.FlipSinToCos)).Forward
            : t => TimeEmbedding.Sinusoidal(t, channels[0], config.FlipSinToCos, config.FreqShift);
        var timeFeatures = config.FourierTime ? timeDim : channels[0];
        _timeEmbedding = Add("time_embedding", new TimeEmbedding(timeFeatures, timeDim, config.ActFn, config.TimestepPostAct, config.TimeCondProjDim));
        _promptProjection = config.EncoderHidDim is { } promptDim ? Add("encoder_hid_proj", new Linear(promptDim, config.CrossAttentionDim)) : null;
        _embedClass = BuildClassEmbedding(timeFeatures, timeDim);
        if (config.HasTextTime)
            _addEmbedding = Add("add_embedding", new TimeEmbedding(config.ProjectionClassEmbeddingsInputDim, timeDim, DefaultAct));
        _down = Add("down_blocks", new ModuleList<DownBlock>(Enumerable.Range(0, channels.Count)
            .Select(i => new DownBlock(config, i, channels[Math.Max(i - 1, 0)], config.BlockTimeDim))));
        _mid = config.MidBlock == MidBlockKind.None ? null : Add("mid_block", new MidBlock(config, config.BlockTimeDim));
        _up = Add("up_blocks", new ModuleList<UpBlock>(Enumerable.Range(0, channels.Count).Select(i => new UpBlock(config, i, config.BlockTimeDim))));
        _normOut = Add("conv_norm_out", new GroupNorm(config.NormNumGroups, channels[0], config.NormEps, config.ActFn));
        _convOut = Add("conv_out", new Conv2d(channels[0], config.OutChannels, config.ConvOutKernel, padding: (config.ConvOutKernel - 1) / 2));
        var act = Activations.Named(config.ActFn);
        var sumAct = config.TimeEmbeddingActFn is { } name ? Activations.Named(name) : t => t;
        _actOnTime = t => act(sumAct(t));
        CrossAttentionLayers = [.. NameLayers()];
    }

    /// <summary>The configuration.</summary>
    public UNet2DConditionConfig Config { get; }

    /// <summary>The names of the layers that attend to the prompt, in the order of the forward pass.</summary>
    public IReadOnlyList<string> CrossAttentionLayers { get; }

    /// <summary>Loads a folder with <c>config.json</c> and weights.</summary>
    public static UNet2DConditionModel FromFolder(string folder, LoadOptions? options = null)
    {
        var model = new UNet2DConditionModel(UNet2DConditionConfig.FromFile(Path.Combine(folder, "config.json")));
        using var checkpoint = Checkpoint.Open(folder);
        ModelLoader.Load(model, checkpoint, options);
        model.ToChannelsLast();
        return model;
    }

    /// <summary>Predicts noise, velocity or sample, whatever the model was trained for.</summary>
    /// <param name="sample">The noisy latent, [B, C, H, W].</param>
    /// <param name="timesteps">[B], or [1] for the whole batch.</param>
    /// <param name="prompt">The prompt embeddings.</param>
    /// <param name="added">Pooled embedding and size ids, for SDXL only.</param>
    /// <param name="classLabels">For models with classes only: [B] numbers, or [B, D] embeddings, as <see cref="ClassEmbedding"/> says.</param>
    /// <returns>[B, out, H, W].</returns>
    /// <exception cref="ArgumentException">A shape does not fit.</exception>
    public Tensor Forward(Tensor sample, Tensor timesteps, CrossAttentionStates prompt, AddedConditions? added = null, Tensor? classLabels = null)
    {
        Check(sample, timesteps, prompt, added, classLabels);
        using var scope = NewDisposeScope();
        var time = _actOnTime(EmbedTime(timesteps.expand(sample.shape[0]), added, classLabels)); // [B, 4 C0]
        var prompts = (_promptProjection is null ? prompt : prompt.Map(_promptProjection.Forward)).Read();
        var skips = new Stack<Tensor>();

        var input = Config.CenterInputSample ? (2 * sample) - 1 : sample;
        var x = _convIn.Forward(ChannelsLast(input));
        skips.Push(x);
        foreach (var block in _down) x = block.Forward(x, time, prompts, skips);
        if (_mid is not null) x = _mid.Forward(x, time, prompts);
        foreach (var block in _up)
        {
            using var below = x;
            x = block.Forward(below, time, prompts, skips);
        }

        return _convOut.Forward(_normOut.Forward(x)).MoveToOuterDisposeScope();
    }

    static Tensor ChannelsLast(Tensor x) => x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);

    Func<Tensor, Tensor>? BuildClassEmbedding(int timeFeatures, int timeDim)
    {
        const string Name = "class_embedding";
        var labelDim = Config.ProjectionClassEmbeddingsInputDim;
        switch (Config.ClassEmbedding)
        {
            case ClassEmbedding.Table:
                return Add(Name, new Embedding(Config.NumClassEmbeds, timeDim)).Forward;
            case ClassEmbedding.Timestep:
                var ofNumbers = Add(Name, new TimeEmbedding(timeFeatures, timeDim, Config.ActFn));
                return labels => ofNumbers.Forward(_projectTime(labels));
            case ClassEmbedding.Projection:
                return Add(Name, new TimeEmbedding(labelDim, timeDim, DefaultAct)).Forward;
            case ClassEmbedding.SimpleProjection:
                return Add(Name, new Linear(labelDim, timeDim)).Forward;
            case ClassEmbedding.Identity:
                return labels => labels;
            default:
                return null;
        }
    }

    Tensor EmbedTime(Tensor timesteps, AddedConditions? added, Tensor? classLabels)
    {
        var embedding = _timeEmbedding.Forward(_projectTime(timesteps));
        if (_embedClass is not null)
        {
            var classes = _embedClass(classLabels!);
            embedding = Config.ClassEmbeddingsConcat ? cat([embedding, classes], -1) : embedding + classes;
        }

        if (_addEmbedding is null) return embedding;
        var ids = added!.TimeIds;
        var sizes = TimeEmbedding.Sinusoidal(ids.flatten(), Config.AdditionTimeEmbedDim, Config.FlipSinToCos, Config.FreqShift)
            .reshape(ids.shape[0], -1); // [B * 6, A] -> [B, 6 A]
        return embedding + _addEmbedding.Forward(cat([added.TextEmbeds, sizes], -1));
    }

    IEnumerable<string> NameLayers()
    {
        var sections = _down.Select((b, i) => ($"down_blocks.{i}", b.TransformerDepths))
            .Concat(_mid is null ? [] : [("mid_block", _mid.TransformerDepths)])
            .Concat(_up.Select((b, i) => ($"up_blocks.{i}", b.TransformerDepths)));
        foreach (var (name, depths) in sections)
            foreach (var (attention, depth) in depths.Index())
                for (var block = 0; block < depth; block++)
                    yield return $"{name}.attentions.{attention}.transformer_blocks.{block}.attn2";
    }

    void Check(Tensor sample, Tensor timesteps, CrossAttentionStates prompt, AddedConditions? added, Tensor? classLabels)
    {
        if (sample.dim() != 4 || sample.shape[1] != Config.InChannels)
            throw new ArgumentException($"sample has shape [{string.Join(",", sample.shape)}], [B,{Config.InChannels},H,W] expected", nameof(sample));
        var batch = sample.shape[0];
        if (timesteps.dim() != 1 || (timesteps.shape[0] != batch && timesteps.shape[0] != 1))
            throw new ArgumentException($"timesteps have shape [{string.Join(",", timesteps.shape)}], [{batch}] or [1] expected", nameof(timesteps));
        prompt.Check(batch, Config.PromptDim, CrossAttentionLayers.Count);
        CheckClasses(batch, classLabels);
        if (!Config.HasTextTime) return;
        if (added is null) throw new ArgumentException("this model needs a pooled embedding and size ids (SDXL)", nameof(added));
        var width = added.TextEmbeds.shape[^1] + (added.TimeIds.shape[^1] * Config.AdditionTimeEmbedDim);
        if (added.TextEmbeds.dim() != 2 || added.TimeIds.dim() != 2 || added.TextEmbeds.shape[0] != batch || added.TimeIds.shape[0] != batch
            || width != Config.ProjectionClassEmbeddingsInputDim)
            throw new ArgumentException(
                $"pooled embedding [{string.Join(",", added.TextEmbeds.shape)}] and size ids [{string.Join(",", added.TimeIds.shape)}] do not make up {Config.ProjectionClassEmbeddingsInputDim} features", nameof(added));
    }

    void CheckClasses(long batch, Tensor? labels)
    {
        if (!Config.HasClasses) return;
        if (labels is null) throw new ArgumentException("this model needs class labels", nameof(labels));
        long[] expected = Config.ClassEmbedding switch
        {
            ClassEmbedding.Table or ClassEmbedding.Timestep => [batch],
            ClassEmbedding.Identity => [batch, Config.TimeDim],
            _ => [batch, Config.ProjectionClassEmbeddingsInputDim],
        };
        if (!labels.shape.AsSpan().SequenceEqual(expected))
            throw new ArgumentException($"class labels have shape [{string.Join(",", labels.shape)}], [{string.Join(",", expected)}] expected", nameof(labels));
        if (Config.ClassEmbedding != ClassEmbedding.Table) return;
        using var scope = NewDisposeScope();
        var (low, high) = (labels.min().to(ScalarType.Int64).item<long>(), labels.max().to(ScalarType.Int64).item<long>());
        if (low < 0 || high >= Config.NumClassEmbeds) throw new ArgumentException($"class labels span {low} to {high}, the model has {Config.NumClassEmbeds} classes", nameof(labels));
    }
}
