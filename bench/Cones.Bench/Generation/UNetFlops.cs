using Cones.Models.StableDiffusion.UNet;

namespace Cones.Bench.Generation;

/// <summary>Floating-point operations (2 x multiply-adds) of a UNet, counted from shapes.</summary>
/// <remarks>
/// Backward means through activations: every weight is frozen, and nothing before the first attention to the prompt needs a
/// gradient. Attention products (scores and weighted sums) are counted apart.
/// </remarks>
sealed class UNetFlops
{
    readonly UNet2DConditionConfig _config;
    readonly long _tokens;
    bool _gradient;

    public double ConvolutionForward { get; private set; }

    public double ConvolutionBackward { get; private set; }

    public double GemmForward { get; private set; }

    public double GemmBackward { get; private set; }

    public double AttentionForward { get; private set; }

    public double AttentionBackward { get; private set; }

    public double Convolution => ConvolutionForward + ConvolutionBackward;

    public double Gemm => GemmForward + GemmBackward;

    public double Attention => AttentionForward + AttentionBackward;

    /// <summary>Counts one image of latent height x width with a prompt of some tokens.</summary>
    public UNetFlops(UNet2DConditionConfig config, long height, long width, long tokens)
    {
        _config = config;
        _tokens = tokens;
        var levels = config.BlockOutChannels.Count;
        var time = config.BlockOutChannels[0] * 4L;
        var skips = new Stack<long>();
        long h = height, w = width, channels = config.BlockOutChannels[0];
        Linear(1, config.BlockOutChannels[0], time, gradient: false);
        Linear(1, time, time, gradient: false);
        Conv(h, w, config.InChannels, channels, config.ConvInKernel);
        skips.Push(channels);
        for (var level = 0; level < levels; level++)
        {
            var width_ = config.BlockOutChannels[level];
            for (var i = 0; i < config.LayersPerBlock[level]; i++)
            {
                Resnet(h, w, channels, width_, time);
                channels = width_;
                if (config.DownCrossAttention[level]) Transformer(h * w, channels, config.TransformerDepth(level, i));
                skips.Push(channels);
            }

            if (level == levels - 1) continue;
            (h, w) = ((h + 1) / 2, (w + 1) / 2);
            Conv(h, w, channels, channels, 3);
            skips.Push(channels);
        }

        if (config.MidBlock != MidBlockKind.None) Resnet(h, w, channels, channels, time);
        if (config.MidBlock == MidBlockKind.CrossAttention)
        {
            Transformer(h * w, channels, config.TransformerDepth(levels - 1, 0));
            Resnet(h, w, channels, channels, time);
        }

        for (var index = 0; index < levels; index++)
        {
            var level = levels - 1 - index;
            var width_ = config.BlockOutChannels[level];
            for (var i = 0; i <= config.LayersPerBlock[level]; i++)
            {
                Resnet(h, w, channels + skips.Pop(), width_, time);
                channels = width_;
                if (config.UpCrossAttention[index]) Transformer(h * w, channels, config.UpTransformerDepth(index, i));
            }

            if (level == 0) continue;
            (h, w) = (h * 2, w * 2);
            Conv(h, w, channels, channels, 3);
        }

        Conv(h, w, channels, config.OutChannels, config.ConvOutKernel);
    }

    void Resnet(long h, long w, long inChannels, long outChannels, long time)
    {
        Conv(h, w, inChannels, outChannels, 3);
        Linear(1, time, outChannels, gradient: false);
        Conv(h, w, outChannels, outChannels, 3);
        if (inChannels != outChannels) Conv(h, w, inChannels, outChannels, 1);
    }

    void Transformer(long pixels, long channels, int blocks)
    {
        Linear(pixels, channels, channels, _gradient);
        for (var i = 0; i < blocks; i++)
        {
            for (var projection = 0; projection < 3; projection++) Linear(pixels, channels, channels, _gradient); // q, k, v
            Attend(pixels, pixels, channels, _gradient);
            Linear(pixels, channels, channels, _gradient);

            Linear(pixels, channels, channels, _gradient); // q
            Linear(_tokens, _config.CrossAttentionDim, channels, gradient: true); // k
            Linear(_tokens, _config.CrossAttentionDim, channels, gradient: true); // v
            _gradient = true;
            Attend(pixels, _tokens, channels, gradient: true);
            Linear(pixels, channels, channels, gradient: true);

            Linear(pixels, channels, 8 * channels, gradient: true);
            Linear(pixels, 4 * channels, channels, gradient: true);
        }

        Linear(pixels, channels, channels, _gradient);
    }

    void Conv(long h, long w, long inChannels, long outChannels, long kernel)
    {
        var flop = 2.0 * h * w * inChannels * outChannels * kernel * kernel;
        ConvolutionForward += flop;
        if (_gradient) ConvolutionBackward += flop;
    }

    void Linear(long rows, long inFeatures, long outFeatures, bool gradient)
    {
        var flop = 2.0 * rows * inFeatures * outFeatures;
        GemmForward += flop;
        if (gradient) GemmBackward += flop;
    }

    // Scores and weighted sum forward; gradients of values, weights, queries and keys backward.
    void Attend(long queries, long keys, long channels, bool gradient)
    {
        var product = 2.0 * queries * keys * channels;
        AttentionForward += 2 * product;
        if (gradient) AttentionBackward += 4 * product;
    }
}
