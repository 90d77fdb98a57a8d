using Cones.Models.Glip;
using Cones.Models.Glip.Detection;
using Cones.Models.Glip.Text;
using Cones.Models.Glip.Training;
using Cones.Models.Imaging;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Bench.Detection;

/// <summary>Steps of GLIP on one image with three boxes.</summary>
sealed class GlipSteps : IDetectionSteps, IDisposable
{
    readonly GlipModel _model;
    readonly GlipLoss _loss;
    readonly DisposeScope _scope = NewDisposeScope();
    readonly Tensor _pixels;
    readonly Tensor _concept;
    readonly Tensor _words;
    readonly Tensor _boxes;
    readonly IReadOnlyList<Tensor> _levels;
    readonly AtssAssignment _assignment;
    readonly int _tokens;

    /// <summary>Steps of a model; not owned.</summary>
    public GlipSteps(GlipModel model, int height, int width, int tokens)
    {
        var step = Math.Max(1, model.Config.Input.SizeDivisibility);
        (_model, _loss, _tokens) = (model, new GlipLoss(model.Config.Loss), tokens);
        using var generator = new Generator(2);
        _pixels = randn([1, 3, (height + step - 1) / step * step, (width + step - 1) / step * step], generator: generator);
        _concept = randn([1, tokens, model.Config.Bert.HiddenSize], generator: generator).requires_grad_();
        _words = (randn([1, model.Config.MaxTokens, model.Config.Bert.HiddenSize], generator: generator) * 0.05).requires_grad_();
        // Three boxes in parts of the image.
        _boxes = tensor(new float[] { 0.1f, 0.15f, 0.25f, 0.37f, 0.37f, 0.1f, 0.65f, 0.7f, 0.03f, 0.75f, 0.11f, 0.87f }, [3, 4]) * tensor(new float[] { width, height, width, height });
        using var noGrad = no_grad();
        _levels = model.EncodeImage(_pixels);
        _assignment = Assign(_levels);
    }

    /// <summary>The pyramid of the image.</summary>
    public IReadOnlyList<Tensor> Levels => _levels;

    /// <summary>The image.</summary>
    public Tensor Pixels => _pixels;

    /// <summary>What is searched.</summary>
    public Tensor Searched => _concept;

    /// <inheritdoc/>
    public (double Gemm, double Convolution) CachedFlops
    {
        get
        {
            var flops = Flops(_tokens);
            return (flops.Gemm, flops.Convolution);
        }
    }

    /// <inheritdoc/>
    public double FurtherFlops(bool padded)
    {
        var (c, tokens) = (_model.Config, padded ? _model.Config.MaxTokens : _tokens);
        var pyramid = 0.0;
        for (var i = 0; i < _levels.Count; i++)
        {
            var pixels = _levels[i].shape[2] * _levels[i].shape[3];
            if (i < 3) pyramid += BackboneFlops.Convolution(pixels, c.Swin.WidthOf(i + 2), c.Head.Channels, 1);
            pyramid += BackboneFlops.Convolution(pixels, c.Head.Channels, c.Head.Channels, 3);
        }

        var image = BackboneFlops.Swin(c.Swin, _pixels.shape[2], _pixels.shape[3]) + pyramid;
        return image + (2 * BackboneFlops.Bert(c.Bert, tokens)) + (padded ? Flops(tokens).Total - Flops(_tokens).Total : 0);
    }

    /// <inheritdoc/>
    public void Cached()
    {
        using var scope = NewDisposeScope();
        Step(_levels, _assignment, _concept, Mask(_tokens), _concept);
    }

    /// <inheritdoc/>
    public void Concept()
    {
        using var scope = NewDisposeScope();
        var levels = Encode();
        Step(levels, Assign(levels), _concept, Mask(_tokens), _concept);
    }

    /// <inheritdoc/>
    public void PseudoWord() => WordStep(_tokens);

    /// <inheritdoc/>
    public void PseudoWordPadded() => WordStep(_model.Config.MaxTokens);

    /// <inheritdoc/>
    public void Full()
    {
        using var scope = NewDisposeScope();
        var levels = _model.EncodeImage(_pixels);
        var mask = Mask(_tokens);
        Backward(levels, Assign(levels), EncodeText(_words.detach().narrow(1, 0, _tokens), mask), mask);
        using var noGrad = no_grad();
        foreach (var (_, weight) in _model.NamedWeights())
        {
            if (weight.Value.grad is not { } gradient) continue;
            weight.Value.add_(gradient, alpha: -1e-6);
            weight.Value.grad = null;
        }
    }

    /// <inheritdoc/>
    public void Train(bool on) => _model.SetRequiresGrad(on);

    /// <inheritdoc/>
    public void Dispose() => _scope.Dispose();

    GlipFlops Flops(long tokens) => new(_model.Config, [.. _levels.Select(l => l.shape[2] * l.shape[3])], tokens);

    void WordStep(int slots)
    {
        using var scope = NewDisposeScope();
        var levels = Encode();
        var mask = Mask(slots);
        Step(levels, Assign(levels), EncodeText(_words.narrow(1, 0, slots), mask), mask, _words);
    }

    IReadOnlyList<Tensor> Encode()
    {
        using var noGrad = no_grad();
        return _model.EncodeImage(_pixels);
    }

    Tensor EncodeText(Tensor words, Tensor mask) => LanguageFeatures.Of(_model.TextEncoder.ForwardFromEmbeddings(words, mask), mask, _model.Config.TextLayers).Hidden;

    // Slots beyond the caption are padding.
    Tensor Mask(int slots) => arange(slots).lt(_tokens).to(ScalarType.Int64).unsqueeze(0);

    AtssAssignment Assign(IReadOnlyList<Tensor> levels) => new AtssAssigner(_model.Config.Loss).Assign(
        GlipAnchors.Create(_model.Config.Anchors, [.. levels.Select(l => new ImageSize((int)l.shape[2], (int)l.shape[3]))]), _boxes);

    void Step(IReadOnlyList<Tensor> levels, AtssAssignment assignment, Tensor hidden, Tensor mask, Tensor searched)
    {
        Backward(levels, assignment, hidden, mask);
        using var noGrad = no_grad();
        searched.add_(searched.grad!, alpha: -1e-3);
        searched.grad = null;
    }

    void Backward(IReadOnlyList<Tensor> levels, AtssAssignment assignment, Tensor hidden, Tensor mask)
    {
        var map = zeros(3, hidden.shape[1]);
        map.select(1, 1).fill_(1);
        OneTimeGraph.Backward(_loss.Compute(_model.Forward(levels, hidden, mask), [assignment], map, mask).Total);
    }
}
