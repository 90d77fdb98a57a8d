using Cones.Models.GroundingDino;
using Cones.Models.GroundingDino.Losses;
using Cones.Models.GroundingDino.Text;
using Cones.Models.GroundingDino.Vision;
using Cones.Models.Imaging;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Bench.Detection;

/// <summary>Steps of Grounding DINO on one image with a box for each of five phrases.</summary>
sealed class GroundingDinoSteps : IDetectionSteps, IDisposable
{
    const int Phrases = 5;

    readonly GroundingDinoModel _model;
    readonly GroundingDinoLoss _loss = new();
    readonly DisposeScope _scope = NewDisposeScope();
    readonly Tensor _pixels;
    readonly Tensor _concept;
    readonly Tensor _words;
    readonly TextMasks _masks;
    readonly Tensor _boxes;
    readonly Tensor _map;
    readonly IReadOnlyList<Tensor> _maps;
    readonly int _tokens;

    /// <summary>Steps of a model; not owned.</summary>
    public GroundingDinoSteps(GroundingDinoModel model, int height, int width, int tokens)
    {
        (_model, _tokens) = (model, tokens / Phrases * Phrases);
        using var generator = new Generator(2);
        _pixels = randn([1, 3, height, width], generator: generator);
        _masks = TextMasks.OfPhrases([.. Enumerable.Repeat(_tokens / Phrases, Phrases)]);
        _concept = randn([1, _tokens, model.Config.DModel], generator: generator).requires_grad_();
        _words = (randn([1, model.Config.MaxTextLen, model.Config.Text.HiddenSize], generator: generator) * 0.05).requires_grad_();
        _boxes = (rand([Phrases, 4], generator: generator) * 0.3) + 0.2;
        _map = eye(Phrases).repeat_interleave(_tokens / Phrases, 1); // [5, T]
        using var noGrad = no_grad();
        _maps = model.EncodeMaps(_pixels);
    }

    /// <summary>What the detector takes of the image, in the dispose scope that is open.</summary>
    public ImageFeatures Image => _model.JoinMaps(_maps);

    /// <summary>What is searched.</summary>
    public Tensor Searched => _concept;

    /// <summary>The caption's masks.</summary>
    public TextMasks Masks => _masks;

    /// <inheritdoc/>
    public (double Gemm, double Convolution) CachedFlops => (Flops(_tokens).Gemm, 0);

    /// <summary>All that is counted.</summary>
    public GroundingDinoFlops Flops(long tokens) => new(_model.Config, [.. _maps.Select(m => new FeatureLevel(m.shape[2], m.shape[3]))], tokens);

    /// <inheritdoc/>
    public double FurtherFlops(bool padded)
    {
        var (c, tokens, projections) = (_model.Config, padded ? _model.Config.MaxTextLen : _tokens, 0.0);
        for (var l = 0; l < _maps.Count; l++)
        {
            var (pixels, widths) = (_maps[l].shape[2] * _maps[l].shape[3], c.BackboneChannels);
            projections += l < widths.Count
                ? BackboneFlops.Convolution(pixels, widths[l], c.DModel, 1)
                : BackboneFlops.Convolution(pixels, l == widths.Count ? widths[^1] : c.DModel, c.DModel, 3);
        }

        var image = BackboneFlops.Swin(c.Backbone, _pixels.shape[2], _pixels.shape[3]) + projections;
        return image + (2 * BackboneFlops.Bert(c.Text, tokens)) + (padded ? Flops(tokens).Gemm - Flops(_tokens).Gemm : 0);
    }

    /// <inheritdoc/>
    public void Cached()
    {
        using var scope = NewDisposeScope();
        Step(_maps, _concept, _masks, _concept);
    }

    /// <inheritdoc/>
    public void Concept()
    {
        using var scope = NewDisposeScope();
        Step(Encode(), _concept, _masks, _concept);
    }

    /// <inheritdoc/>
    public void PseudoWord() => WordStep(_tokens);

    /// <inheritdoc/>
    public void PseudoWordPadded() => WordStep(_model.Config.MaxTextLen);

    /// <inheritdoc/>
    public void Full()
    {
        using var scope = NewDisposeScope();
        Backward(_model.EncodeMaps(_pixels), _model.EncodeTextFromEmbeddings(_words.detach().narrow(1, 0, _tokens), _masks).Projected, _masks);
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

    void WordStep(int slots)
    {
        using var scope = NewDisposeScope();
        var maps = Encode();
        var masks = Padded(slots);
        Step(maps, _model.EncodeTextFromEmbeddings(_words.narrow(1, 0, slots), masks).Projected, masks, _words);
    }

    IReadOnlyList<Tensor> Encode()
    {
        using var noGrad = no_grad();
        return _model.EncodeMaps(_pixels);
    }

    // Slots beyond the caption are padding, which sees itself.
    TextMasks Padded(int slots)
    {
        if (slots == _tokens) return _masks;
        var attention = eye(slots).to(ScalarType.Bool).unsqueeze(0).clone(); // [1, T, T]
        attention.narrow(1, 0, _tokens).narrow(2, 0, _tokens).copy_(_masks.SelfAttention);
        return new TextMasks(arange(slots).lt(_tokens).unsqueeze(0), attention, cat([_masks.PositionIds, zeros([1, slots - _tokens], ScalarType.Int64)], 1));
    }

    void Step(IReadOnlyList<Tensor> maps, Tensor text, TextMasks masks, Tensor searched)
    {
        Backward(maps, text, masks);
        using var noGrad = no_grad();
        searched.add_(searched.grad!, alpha: -1e-3);
        searched.grad = null;
    }

    void Backward(IReadOnlyList<Tensor> maps, Tensor text, TextMasks masks)
    {
        var output = _model.Forward(_model.JoinMaps(maps), text, masks);
        var map = nn.functional.pad(_map, [0, text.shape[1] - _tokens]);
        DetectionTarget[] targets = [new(_boxes, map, new ImageSize((int)_pixels.shape[2], (int)_pixels.shape[3]))];
        OneTimeGraph.Backward(_loss.Compute(output, masks.Tokens, targets).Total);
    }
}
