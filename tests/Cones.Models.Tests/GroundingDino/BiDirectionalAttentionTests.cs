using Cones.Models.GroundingDino.Encoder;
using TorchSharp;
using static Cones.Models.Tests.GroundingDino.GroundingDinoTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.GroundingDino;

public sealed class BiDirectionalAttentionTests : IDisposable
{
    const int Dim = 12;
    const int Embed = 20;
    const int Heads = 2;

    readonly DisposeScope _scope = NewDisposeScope();
    readonly BiDirectionalAttention _attention = WithRandomWeights(new BiDirectionalAttention(Dim, Embed, Heads), ScalarType.Float64);
    readonly Tensor _vision = randn(2, 17, Dim, ScalarType.Float64).requires_grad_();
    readonly Tensor _text = randn(2, 5, Dim, ScalarType.Float64).requires_grad_();
    readonly Tensor _visionScale = randn(Dim, ScalarType.Float64);
    readonly Tensor _textScale = randn(Dim, ScalarType.Float64);
    readonly Tensor _visionPadding = zeros(2, 17, ScalarType.Bool);
    readonly Tensor _textPadding = zeros(2, 5, ScalarType.Bool);

    public BiDirectionalAttentionTests()
    {
        _visionPadding[1, 11..] = true;
        _textPadding[0, 3..] = true;
    }

    public void Dispose()
    {
        _attention.Dispose();
        _scope.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(300)] // scores far beyond the clamps
    public void It_is_what_the_reference_computes_step_by_step(double scale)
    {
        var (vision, text) = (_vision * scale, _text * scale);
        var (expectedVision, expectedText) = Plain(vision, text);
        var (actualVision, actualText) = _attention.Forward(vision, text, _visionPadding, _textPadding, _visionScale, _textScale);
        Close(expectedVision, actualVision, 1e-9);
        Close(expectedText, actualText, 1e-9);
        var (a, b) = (randn_like(expectedVision), randn_like(expectedText));
        var expected = autograd.grad([(expectedVision * a).sum() + (expectedText * b).sum()], [_vision, _text]);
        var actual = autograd.grad([(actualVision * a).sum() + (actualText * b).sum()], [_vision, _text]);
        Close(expected[0], actual[0], 1e-7);
        Close(expected[1], actual[1], 1e-7);
    }

    [Fact]
    public void Trainable_weights_get_the_reference_s_gradients()
    {
        _attention.SetRequiresGrad(true);
        var weights = _attention.NamedWeights().ToArray();
        var expected = Gradients(Plain(_vision, _text));
        var actual = Gradients(_attention.Forward(_vision, _text, _visionPadding, _textPadding, _visionScale, _textScale));
        for (var i = 0; i < weights.Length; i++) Close(expected[i], actual[i], 1e-9);

        Tensor[] Gradients((Tensor Vision, Tensor Text) o) => [.. autograd.grad([o.Vision.sin().sum() + o.Text.sin().sum()], [.. weights.Select(w => w.Value.Value)])];
    }

    [Fact]
    public void No_tensor_is_left_behind()
    {
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        _attention.Forward(_vision, _text, _visionPadding, _textPadding, _visionScale, _textScale);
        Assert.Equal(before + 2, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    // GroundingDinoBiMultiHeadAttention and the scaled sum, as transformers writes them.
    (Tensor Vision, Tensor Text) Plain(Tensor vision, Tensor text)
    {
        var w = _attention.NamedWeights().ToDictionary(p => p.Key, p => p.Value.Value);
        var query = Split(Linear("vision_proj", vision) * Math.Pow(Embed / Heads, -0.5));
        var key = Split(Linear("text_proj", text));
        var (visionValue, textValue) = (Split(Linear("values_vision_proj", vision)), Split(Linear("values_text_proj", text)));
        var scores = query.bmm(key.transpose(1, 2)); // [B heads, N, T]
        scores = (scores - scores.max()).clamp(-50000, 50000);
        var transposed = scores.transpose(1, 2);
        var toText = (transposed - transposed.max(-1, keepdim: true).values).clamp(-50000, 50000);
        toText = toText.masked_fill(_visionPadding.unsqueeze(1).repeat_interleave(Heads, 0), double.NegativeInfinity).softmax(-1);
        var toVision = scores.masked_fill(_textPadding.unsqueeze(1).repeat_interleave(Heads, 0), double.NegativeInfinity).softmax(-1);
        var (visionOut, textOut) = (Join(toVision.bmm(textValue)), Join(toText.bmm(visionValue)));
        return (vision + (_visionScale * Linear("out_vision_proj", visionOut)), text + (_textScale * Linear("out_text_proj", textOut)));

        Tensor Linear(string name, Tensor x) => nn.functional.linear(x, w[$"{name}.weight"], w[$"{name}.bias"]);
        static Tensor Split(Tensor x) => x.view(2, -1, Heads, Embed / Heads).transpose(1, 2).reshape(2 * Heads, -1, Embed / Heads);
        static Tensor Join(Tensor x) => x.view(2, Heads, -1, Embed / Heads).transpose(1, 2).reshape(2, -1, Embed);
    }
}
