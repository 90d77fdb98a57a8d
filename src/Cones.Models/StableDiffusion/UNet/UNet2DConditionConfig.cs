namespace Cones.Models.StableDiffusion.UNet;

/// <summary>
/// The configuration of a <see cref="UNet2DConditionModel"/>, with the names and defaults of diffusers'
/// <c>UNet2DConditionModel</c>.
/// </summary>
public sealed partial record UNet2DConditionConfig
{
    /// <summary>Channels of the latent.</summary>
    public int InChannels { get; init; } = 4;

    /// <summary>Channels of the prediction.</summary>
    public int OutChannels { get; init; } = 4;

    /// <summary>The latent's side in training, in latent pixels; 0 where the configuration does not say.</summary>
    public int SampleSize { get; init; }

    /// <summary>Channels a level, from the finest.</summary>
    public IReadOnlyList<int> BlockOutChannels { get; init; } = [320, 640, 1280, 1280];

    /// <summary>Which down blocks attend to the prompt, a level.</summary>
    public IReadOnlyList<bool> DownCrossAttention { get; init; } = [true, true, true, false];

    /// <summary>Which up blocks attend to the prompt, from the coarsest level.</summary>
    public IReadOnlyList<bool> UpCrossAttention { get; init; } = [false, true, true, true];

    /// <summary>What stands between down and up.</summary>
    public MidBlockKind MidBlock { get; init; } = MidBlockKind.CrossAttention;

    /// <summary>ResNet blocks a level (an up block has one more).</summary>
    public IReadOnlyList<int> LayersPerBlock { get; init; } = [2, 2, 2, 2];

    /// <summary>Width of the prompt embeddings.</summary>
    public int CrossAttentionDim { get; init; } = 1280;

    /// <summary>Attention heads a level. The configuration calls this <c>attention_head_dim</c>, for historical reasons.</summary>
    public IReadOnlyList<int> AttentionHeads { get; init; } = [8, 8, 8, 8];

    /// <summary>Levels whose transformers look at the prompt in both attentions of a block, instead of at the pixels in the first; empty for none.</summary>
    public IReadOnlyList<bool> OnlyCrossAttention { get; init; } = [];

    /// <summary>Blocks in each transformer of a level: one number for all of them, or one each.</summary>
    public IReadOnlyList<IReadOnlyList<int>> TransformerLayersPerBlock { get; init; } = [[1], [1], [1], [1]];

    /// <summary>The same for the up blocks, from the coarsest level.</summary>
    public IReadOnlyList<IReadOnlyList<int>> UpTransformerLayersPerBlock { get; init; } = [[1], [1], [1], [1]];

    /// <summary>Whether attentions project tokens (SD 2.x, SDXL) instead of pixels (SD 1.x).</summary>
    public bool UseLinearProjection { get; init; }

    /// <summary>Groups of every group normalisation.</summary>
    public int NormNumGroups { get; init; } = 32;

    /// <summary>Epsilon of the ResNets' normalisations.</summary>
    public double NormEps { get; init; } = 1e-5;

    /// <summary>The activation function.</summary>
    public string ActFn { get; init; } = "silu";

    /// <summary>How the ResNets take the time embedding.</summary>
    public TimeConditioning ResnetTimeConditioning { get; init; }

    /// <summary>What the output of each ResNet of the middle is divided by.</summary>
    public double MidBlockScaleFactor { get; init; } = 1;

    /// <summary>Padding of the down-samplers; 0 pads right and bottom only.</summary>
    public int DownsamplePadding { get; init; } = 1;

    /// <summary>Whether the time projection is [cos, sin] instead of [sin, cos].</summary>
    public bool FlipSinToCos { get; init; } = true;

    /// <summary>Shift of the frequencies of the time projection.</summary>
    public int FreqShift { get; init; }

    /// <summary>Whether the frequencies of the time projection are weights of the model (<c>fourier</c>) instead of a geometric series.</summary>
    public bool FourierTime { get; init; }

    /// <summary>Width of the time embedding; null for four times the finest level's channels (twice with <see cref="FourierTime"/>).</summary>
    public int? TimeEmbeddingDim { get; init; }

    /// <summary>An activation function between the time embedding's sum and the blocks; null for none.</summary>
    public string? TimeEmbeddingActFn { get; init; }

    /// <summary>An activation function after the time embedding's second layer; null for none.</summary>
    public string? TimestepPostAct { get; init; }

    /// <summary>Width of a condition on the timestep (guidance-distilled models); its weights are loaded but not used. Null for none.</summary>
    public int? TimeCondProjDim { get; init; }

    /// <summary>Width of the prompt embeddings given, where the model projects them to <see cref="CrossAttentionDim"/>; null for no projection.</summary>
    public int? EncoderHidDim { get; init; }

    /// <summary>What becomes of class labels.</summary>
    public ClassEmbedding ClassEmbedding { get; init; }

    /// <summary>The number of classes, for <see cref="ClassEmbedding.Table"/>.</summary>
    public int NumClassEmbeds { get; init; }

    /// <summary>Whether the class embedding is put beside the time embedding instead of added.</summary>
    public bool ClassEmbeddingsConcat { get; init; }

    /// <summary>Width of the projection of each size id (SDXL); 0 where the model takes no added conditions.</summary>
    public int AdditionTimeEmbedDim { get; init; }

    /// <summary>Width of pooled embedding and projected size ids together (SDXL), or of the labels of a projected class embedding.</summary>
    public int ProjectionClassEmbeddingsInputDim { get; init; }

    /// <summary>Kernel of the first convolution.</summary>
    public int ConvInKernel { get; init; } = 3;

    /// <summary>Kernel of the last convolution.</summary>
    public int ConvOutKernel { get; init; } = 3;

    /// <summary>Whether the sample is mapped from [0, 1] to [-1, 1] first.</summary>
    public bool CenterInputSample { get; init; }

    /// <summary>Whether the model takes a pooled embedding and size ids (SDXL).</summary>
    public bool HasTextTime => AdditionTimeEmbedDim > 0;

    /// <summary>Whether the model takes class labels.</summary>
    public bool HasClasses => ClassEmbedding != ClassEmbedding.None;

    /// <summary>Width of the prompt embeddings that the model is given.</summary>
    public int PromptDim => EncoderHidDim ?? CrossAttentionDim;

    /// <summary>Width of the time embedding.</summary>
    public int TimeDim => TimeEmbeddingDim ?? (BlockOutChannels[0] * (FourierTime ? 2 : 4));

    /// <summary>Width of what the blocks are given of time and class.</summary>
    public int BlockTimeDim => ClassEmbeddingsConcat ? 2 * TimeDim : TimeDim;

    /// <summary>Whether both attentions of a level's blocks look at the prompt.</summary>
    public bool AttendsToPromptOnly(int level) => OnlyCrossAttention.Count > 0 && OnlyCrossAttention[level];

    /// <summary>Blocks in transformer <paramref name="index"/> of a level on the way down, or of the middle.</summary>
    public int TransformerDepth(int level, int index) => Depth(TransformerLayersPerBlock[level], index);

    /// <summary>Blocks in transformer <paramref name="index"/> of up block <paramref name="block"/>.</summary>
    public int UpTransformerDepth(int block, int index) => Depth(UpTransformerLayersPerBlock[block], index);


    /// <summary>Checks that the numbers fit together.</summary>
    /// <exception cref="ArgumentException">They do not; the message says which.</exception>
    public void Validate()
    {
        var levels = BlockOutChannels.Count;
        if (levels == 0) throw new ArgumentException("block_out_channels is empty");
        foreach (var (name, count) in ((string, int)[])[("down_block_types", DownCrossAttention.Count), ("up_block_types", UpCrossAttention.Count), ("layers_per_block", LayersPerBlock.Count), ("attention_head_dim", AttentionHeads.Count), ("only_cross_attention", OnlyCrossAttention.Count is 0 ? levels : OnlyCrossAttention.Count), ("transformer_layers_per_block", TransformerLayersPerBlock.Count), ("reverse_transformer_layers_per_block", UpTransformerLayersPerBlock.Count)])
            if (count != levels) throw new ArgumentException($"{name} has {count} entries, block_out_channels has {levels}");
        for (var i = 0; i < levels; i++)
        {
            if (DownCrossAttention[i] && TransformerLayersPerBlock[i].Count is not 1 && TransformerLayersPerBlock[i].Count != LayersPerBlock[i])
                throw new ArgumentException($"transformer_layers_per_block[{i}] has {TransformerLayersPerBlock[i].Count} entries, the level has {LayersPerBlock[i]} transformers");
            if (UpCrossAttention[levels - 1 - i] && UpTransformerLayersPerBlock[levels - 1 - i].Count is not 1 && UpTransformerLayersPerBlock[levels - 1 - i].Count != LayersPerBlock[i] + 1)
                throw new ArgumentException($"reverse_transformer_layers_per_block[{levels - 1 - i}] has {UpTransformerLayersPerBlock[levels - 1 - i].Count} entries, the up block has {LayersPerBlock[i] + 1} transformers");
            if (BlockOutChannels[i] % NormNumGroups != 0)
                throw new ArgumentException($"block_out_channels[{i}] = {BlockOutChannels[i]} is no multiple of norm_num_groups = {NormNumGroups}");
            if (BlockOutChannels[i] % AttentionHeads[i] != 0)
                throw new ArgumentException($"block_out_channels[{i}] = {BlockOutChannels[i]} is no multiple of its {AttentionHeads[i]} attention heads");
        }
    }

    static int Depth(IReadOnlyList<int> depths, int index) => depths.Count == 1 ? depths[0] : depths[index];
}

/// <summary>What stands between the down and the up blocks.</summary>
public enum MidBlockKind
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>One ResNet block (<c>UNetMidBlock2D</c>).</summary>
    Plain,

    /// <summary>ResNet, transformer, ResNet (<c>UNetMidBlock2DCrossAttn</c>).</summary>
    CrossAttention,
}

/// <summary>What becomes of class labels before they join the time embedding (<c>class_embed_type</c>).</summary>
public enum ClassEmbedding
{
    /// <summary>The model takes none.</summary>
    None,

    /// <summary>Numbers of classes are looked up in a table: <c>num_class_embeds</c> (the noise level of an upscaler).</summary>
    Table,

    /// <summary>Numbers are embedded as timesteps are: <c>timestep</c>.</summary>
    Timestep,

    /// <summary>Labels are embeddings already: <c>identity</c>.</summary>
    Identity,

    /// <summary>Two linear layers: <c>projection</c>.</summary>
    Projection,

    /// <summary>One linear layer: <c>simple_projection</c>.</summary>
    SimpleProjection,
}
