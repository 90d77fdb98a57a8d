using Cones.Models.Clip;
using TorchSharp;
using static Cones.Models.Tests.Clip.ClipTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Clip;

public sealed class ClipTextModelTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();
    readonly ClipTextModel _model = WithRandomWeights(new ClipTextModel(Text, withProjection: true));

    public void Dispose()
    {
        _model.Dispose();
        _scope.Dispose();
    }

    [Fact]
    public void Wrong_input_is_refused_with_the_numbers()
    {
        Throws(() => _model.Forward(Ids(1, 20)), "span 1 to 20", "20 tokens");
        Throws(() => _model.Forward(Ids(1, -1)), "span -1 to 1", "20 tokens");
        Throws(() => _model.Forward(zeros(1, 8, ScalarType.Int64)), "8 tokens", "7 positions");
        Throws(() => _model.Forward(zeros(3, ScalarType.Int64)), "[3]", "[texts, tokens]");
        Throws(() => _model.Forward(zeros(0, 3, ScalarType.Int64)), "[0,3]", "[texts, tokens]");
        Throws(() => _model.Forward(zeros(1, 3)), "Float32", "Int64");
        Throws(() => _model.Forward(Ids(1, 2, 3), ones(1, 4)), "[1,4]", "[1,3]");
        Throws(() => _model.ForwardFromEmbeddings(zeros(1, 3, 9), Ids(1, 2, 3)), "[1,3,9]", "[1,3,8]");
        Throws(() => _model.NormalizeHidden(zeros(2, 9)), "[2,9]", "8]");

        static void Throws(Action action, params string[] parts)
        {
            var message = Assert.Throws<ArgumentException>(action).Message;
            foreach (var part in parts) Assert.Contains(part, message);
        }
    }

    [Fact]
    public void A_slot_does_not_depend_on_later_tokens()
    {
        var one = _model.Forward(Ids(1, 2, 3, 4)).LastHiddenState;
        var other = _model.Forward(Ids(1, 2, 9, 8)).LastHiddenState;
        Assert.True(one[0, ..2].allclose(other[0, ..2]));
        Assert.False(one[0, 2..].allclose(other[0, 2..]));
    }

    [Fact]
    public void A_mask_of_ones_changes_nothing_and_a_masked_token_is_not_seen()
    {
        var plain = _model.Forward(Ids(1, 2, 3, 4)).LastHiddenState;
        Assert.True(plain.allclose(_model.Forward(Ids(1, 2, 3, 4), ones(1, 4, ScalarType.Int64)).LastHiddenState, atol: 1e-5));

        var mask = Ids(1, 0, 1, 1);
        var one = _model.Forward(Ids(1, 2, 3, 4), mask).LastHiddenState;
        var other = _model.Forward(Ids(1, 9, 3, 4), mask).LastHiddenState;
        Assert.True(one[0, 2..].allclose(other[0, 2..]));
        Assert.False(one[0, 2..].allclose(plain[0, 2..]));
    }

    [Fact]
    public void A_slot_that_may_see_nothing_stays_finite()
    {
        var embeds = _model.Embed(Ids(1, 2, 3, 4)).detach().requires_grad_();
        var output = _model.ForwardFromEmbeddings(embeds, Ids(1, 2, 3, 4), Ids(0, 0, 1, 1));
        var gradient = autograd.grad([output.LastHiddenState.sum()], [embeds])[0];
        Assert.True(output.LastHiddenState.isfinite().all().item<bool>());
        Assert.True(gradient.isfinite().all().item<bool>());
    }

    [Theory]
    [InlineData(19, 3)] // the first end-of-text id
    [InlineData(2, 5)] // the legacy mark: the highest id, which may be a placeholder's
    [InlineData(11, 0)] // an id that does not occur
    public void Pooling_follows_the_end_of_text_id(int eosTokenId, int slot)
    {
        using var model = WithRandomWeights(new ClipTextModel(Text with { EosTokenId = eosTokenId }));
        var output = model.ForwardFromEmbeddings(randn(1, 7, 8), Ids(1, 5, 2, 19, 19, 40, 40));
        Assert.True(Same(output.PooledOutput[0], output.LastHiddenState[0, slot]));
        Assert.Null(output.TextEmbeds);
    }

    [Fact]
    public void The_last_hidden_state_is_the_normed_last_of_all()
    {
        var output = _model.Forward(Ids(1, 2, 19));
        Assert.Equal(3, output.HiddenStates.Count);
        Assert.True(Same(_model.NormalizeHidden(output.HiddenStates[^1]), output.LastHiddenState));
        Assert.Equal([1, 6], output.TextEmbeds!.shape);
    }

    [Fact]
    public void Gradients_reach_float32_embeddings_through_a_half_precision_model()
    {
        _model.To(CPU, ScalarType.BFloat16);
        var embeds = randn(1, 3, 8).requires_grad_();
        var output = _model.ForwardFromEmbeddings(embeds, Ids(1, 2, 19));
        Assert.Equal(ScalarType.BFloat16, output.LastHiddenState.dtype);
        var gradient = autograd.grad([output.TextEmbeds!.sum()], [embeds])[0];
        Assert.Equal(ScalarType.Float32, gradient.dtype);
        Assert.True(gradient.abs().sum().item<float>() > 0);
    }

    [Fact]
    public void A_forward_leaves_its_outputs_and_nothing_else()
    {
        var ids = Ids(1, 2, 19);
        var mask = ones(1, 3, ScalarType.Int64);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var output = _model.Forward(ids, mask);
        var kept = output.HiddenStates.Count + 3;
        Assert.Equal(before + kept, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}
