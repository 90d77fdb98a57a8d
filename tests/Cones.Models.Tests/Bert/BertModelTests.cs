using Cones.Models.Bert;
using TorchSharp;
using static Cones.Models.Tests.Bert.BertTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Bert;

public sealed class BertModelTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();
    readonly BertModel _model = WithRandomWeights(new BertModel(Config, withPooler: true));

    public void Dispose()
    {
        _model.Dispose();
        _scope.Dispose();
    }

    [Fact]
    public void Wrong_input_is_refused_with_the_numbers()
    {
        var words = randn(1, 3, 8);
        Throws(() => _model.Forward(Ids(1, 20)), "span 1 to 20", "20 rows");
        Throws(() => _model.Forward(Ids(1, -1)), "span -1 to 1");
        Throws(() => _model.Forward(zeros(1, 8, ScalarType.Int64)), "8 tokens", "7 positions");
        Throws(() => _model.Forward(zeros(3, ScalarType.Int64)), "[3]", "[*,*]");
        Throws(() => _model.Forward(zeros(0, 3, ScalarType.Int64)), "[0,3]");
        Throws(() => _model.Forward(zeros(1, 3)), "Float32", "Int64");
        Throws(() => _model.ForwardFromEmbeddings(zeros(1, 3, 9)), "[1,3,9]", "[*,*,8]");
        Throws(() => _model.ForwardFromEmbeddings(words, ones(1, 4)), "[1,1,1,4]", "[1,1,1 or 3,3]");
        Throws(() => _model.ForwardFromEmbeddings(words, ones(2, 3)), "[2,1,1,3]");
        Throws(() => _model.ForwardFromEmbeddings(words, ones(1, 3, 4)), "[1,3,4]");
        Throws(() => _model.ForwardFromEmbeddings(words, ones(3)), "[3]");
        Throws(() => _model.ForwardFromEmbeddings(words, positionIds: Ids(0, 1, 7)), "positionIds span 0 to 7", "7 rows");
        Throws(() => _model.ForwardFromEmbeddings(words, positionIds: Ids(0, 1)), "[1,2]", "[1,3]");
        Throws(() => _model.ForwardFromEmbeddings(words, tokenTypeIds: Ids(0, 1, 2)), "tokenTypeIds span 0 to 2", "2 rows");

        static void Throws(Action action, params string[] parts)
        {
            var message = Assert.Throws<ArgumentException>(action).Message;
            foreach (var part in parts) Assert.Contains(part, message);
        }
    }

    [Fact]
    public void Masks_of_ones_and_ids_by_default_change_nothing()
    {
        var plain = _model.Forward(Ids(1, 2, 3, 4)).LastHiddenState;
        Assert.True(plain.allclose(_model.Forward(Ids(1, 2, 3, 4), ones(1, 4), arange(4).unsqueeze(0), zeros(1, 4, ScalarType.Int64)).LastHiddenState, atol: 1e-5));
        Assert.True(plain.allclose(_model.Forward(Ids(1, 2, 3, 4), ones(1, 4, 4, ScalarType.Bool)).LastHiddenState, atol: 1e-5));
    }

    [Fact]
    public void Padding_is_not_seen()
    {
        var one = _model.Forward(Ids(1, 2, 3, 0), Ids(1, 1, 1, 0)).LastHiddenState;
        var other = _model.Forward(Ids(1, 2, 3, 9), Ids(1, 1, 1, 0)).LastHiddenState;
        Assert.True(one[0, ..3].allclose(other[0, ..3], atol: 1e-6));
        Assert.True(one[0, ..3].allclose(_model.Forward(Ids(1, 2, 3)).LastHiddenState[0], atol: 1e-5));
    }

    [Fact]
    public void Blocks_of_a_mask_with_restarting_positions_are_texts_of_their_own()
    {
        var mask = block_diag(ones(2, 2), ones(3, 3)).unsqueeze(0);
        var both = _model.Forward(Ids(1, 2, 3, 4, 5), mask, Ids(0, 1, 0, 1, 2)).LastHiddenState;
        Assert.True(both[0, ..2].allclose(_model.Forward(Ids(1, 2)).LastHiddenState[0], atol: 1e-5));
        Assert.True(both[0, 2..].allclose(_model.Forward(Ids(3, 4, 5)).LastHiddenState[0], atol: 1e-5));
    }

    [Fact]
    public void Token_types_are_added()
    {
        var plain = _model.Forward(Ids(1, 2)).LastHiddenState;
        Assert.False(plain.allclose(_model.Forward(Ids(1, 2), tokenTypeIds: Ids(0, 1)).LastHiddenState));
    }

    [Fact]
    public void A_slot_that_may_see_nothing_stays_finite()
    {
        var words = _model.Embed(Ids(1, 2, 3)).detach().requires_grad_();
        var output = _model.ForwardFromEmbeddings(words, Ids(0, 0, 0));
        var gradient = autograd.grad([output.LastHiddenState.sum()], [words])[0];
        Assert.True(output.LastHiddenState.isfinite().all().item<bool>());
        Assert.True(gradient.isfinite().all().item<bool>());
    }

    [Fact]
    public void Gradients_reach_float32_embeddings_through_a_half_precision_model()
    {
        _model.To(CPU, ScalarType.BFloat16);
        var words = randn(1, 3, 8).requires_grad_();
        var output = _model.ForwardFromEmbeddings(words, Ids(1, 1, 0));
        Assert.Equal(ScalarType.BFloat16, output.LastHiddenState.dtype);
        var gradient = autograd.grad([output.PoolerOutput!.sum()], [words])[0];
        Assert.Equal(ScalarType.Float32, gradient.dtype);
        Assert.True(gradient.abs().sum().item<float>() > 0);
    }

    [Fact]
    public void Every_weight_can_be_trained_and_the_embedding_of_padding_never_is()
    {
        _model.SetRequiresGrad(true);
        var output = _model.Forward(Ids(1, 2, 0), positionIds: Ids(0, 1, 6), tokenTypeIds: Ids(0, 1, 0));
        (output.LastHiddenState.sin().sum() + output.PoolerOutput!.sum()).backward();
        Assert.All(_model.NamedWeights(), w => Assert.True(w.Value.Value.grad is not null, w.Key));
        var words = _model.WordTable.grad!.abs().sum(1);
        Assert.Equal([0f, 0f], [words[0].item<float>(), words[3].item<float>()]);
        Assert.True(words[1].item<float>() > 0 && words[2].item<float>() > 0);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_forward_leaves_its_outputs_and_nothing_else(bool training)
    {
        _model.SetRequiresGrad(training);
        var (ids, mask, positions, types) = (Ids(1, 2, 0), Ids(1, 1, 0), Ids(0, 1, 0), Ids(0, 1, 0));
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var output = _model.Forward(ids, mask, positions, types);
        Assert.Equal(before + output.HiddenStates.Count + 1, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}
