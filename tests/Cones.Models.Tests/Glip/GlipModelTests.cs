using Cones.Models.Glip;
using Cones.Models.Glip.Configuration;
using Cones.Models.Glip.Detection;
using Cones.Models.Glip.Text;
using Cones.Models.Glip.Training;
using TorchSharp;
using static Cones.Models.Tests.Glip.GlipTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Glip;

public sealed class GlipModelTests : IDisposable
{
    static readonly string[] s_textParts = ["values_v_proj", "out_l_proj", "gamma_l"];

    readonly DisposeScope _scope = NewDisposeScope();
    readonly GlipModel _model = Random();

    public void Dispose()
    {
        _model.Dispose();
        _scope.Dispose();
    }

    [Fact]
    public void Wrong_input_is_refused_with_the_numbers()
    {
        var (levels, hidden, mask) = (Levels(), Hidden(1, 5), ones(1, 5, ScalarType.Int64));
        Throws(() => _model.Forward(levels[..4], hidden, mask), "4 levels", "5");
        Throws(() => _model.Forward([levels[0], levels[0], .. levels[2..]], hidden, mask), "P4", "[1,32,6,10]");
        Throws(() => _model.Forward([levels[0].narrow(1, 0, 16), .. levels[1..]], hidden, mask), "[1,16,6,10]", "[1,32,*,*]");
        Throws(() => _model.Forward(Levels(2), Hidden(3, 5), mask), "[2 or 1,tokens,8]", "[3,5,8]");
        Throws(() => _model.Forward(levels, zeros(1, 5, 9), mask), "[1,5,9]", "8]");
        Throws(() => _model.Forward(levels, hidden, ones(1, 4)), "[1,4]", "[1 or 1,5]");
        Throws(() => _model.EncodeImage(zeros(1, 4, 32, 32)), "[1,4,32,32]", "[*,3,*,*]");
        Throws(() => _model.EncodeText(tensor(new long[] { 1, 30 }).unsqueeze(0), ones(1, 2)), "span 1 to 30", "30 rows");
        Throws(() => _model.EncodeText(zeros(1, 3, ScalarType.Int64), ones(1, 4)), "[1,4]", "[1,3]");
        Assert.Contains("vocab.txt", Assert.Throws<ConesException>(() => _model.EncodeText([GlipCaption.FromClasses(["cat"])])).Message);

        static void Throws(Action action, params string[] parts)
        {
            var message = Assert.Throws<ArgumentException>(action).Message;
            Assert.All(parts, p => Assert.Contains(p, message));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_forward_and_backward_leaves_no_tensor_behind(bool fused)
    {
        using var model = fused ? Random() : Random(Config with { Head = Config.Head with { EarlyFusion = false, FusedDotProduct = false } });
        using var pixels = randn(2, 3, 48, 70);
        using var hidden = Hidden(1, 5).requires_grad_();
        using var mask = ones(1, 5, ScalarType.Int64);
        using var boxes = tensor(new float[] { 4, 5, 30, 40 }, [1, 4]);
        using var map = ones(2, 5);
        Run(counts: false); // layers keep other forms of their weights
        var live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Run(counts: true);
        Assert.Equal(live, DisposeScopeManager.Statistics.ThreadTotalLiveCount);

        void Run(bool counts)
        {
            using var scope = NewDisposeScope();
            var outside = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            var levels = model.EncodeImage(pixels);
            Count(5);
            var outputs = model.Forward(levels, hidden, mask);
            Count(5 + 15);
            var anchors = GlipAnchors.Create(Config.Anchors, outputs.LevelSizes);
            var losses = new GlipLoss(Config.Loss).Compute(outputs, anchors, [boxes, boxes], map, mask);
            Count(5 + 15 + 4);
            new GlipPostProcessor(Config.Detection, Config.Anchors).Process(outputs, [[[1], [2, 3]]], [new(48, 70), new(48, 70)]);
            Count(5 + 15 + 4);
            losses.Total.backward();
            hidden.grad!.zero_();
            // LibTorch has its own handles of the gradients: ours are those of the last function at most.
            if (counts) Assert.InRange(Now(), 24, 24 + 6);

            void Count(int expected) => Assert.Equal(counts ? expected : Now(), Now());

            long Now() => DisposeScopeManager.Statistics.ThreadTotalLiveCount - outside;
        }
    }

    [Fact]
    public void Text_cut_to_its_valid_tokens_gives_the_result_of_padded_text()
    {
        var levels = Levels();
        var (hidden, mask) = (Hidden(1, 20), cat([ones(1, 6), zeros(1, 14)], 1));
        var padded = _model.Forward(levels, hidden, mask);
        var cut = _model.Forward(levels, hidden.narrow(1, 0, 6), mask.narrow(1, 0, 6));
        for (var i = 0; i < 5; i++)
        {
            Assert.True(Close(padded.Logits[i].narrow(2, 0, 6), cut.Logits[i]));
            Assert.True(Close(padded.Boxes[i], cut.Boxes[i]));
            Assert.True(Close(padded.Centerness[i], cut.Centerness[i]));
        }
    }

    [Fact]
    public void Images_of_a_batch_do_not_see_each_other_and_may_share_the_text()
    {
        var (levels, hidden, mask) = (Levels(2), Hidden(1, 5), ones(1, 5));
        var both = _model.Forward(levels, hidden, mask);
        for (var image = 0; image < 2; image++)
        {
            var alone = _model.Forward([.. levels.Select(l => l.narrow(0, image, 1))], hidden, mask);
            Assert.All(both.All.Zip(alone.All), p => Assert.True(Close(p.First.narrow(0, image, 1), p.Second)));
        }
    }

    [Fact]
    public void The_text_changes_boxes_of_a_fused_model_only()
    {
        using var other = Random(Config with { Head = Config.Head with { EarlyFusion = false, FusedDotProduct = false } });
        var (levels, mask) = (Levels(), ones(1, 5));
        Assert.False(BoxesAgree(_model));
        Assert.True(BoxesAgree(other));

        bool BoxesAgree(GlipModel model) =>
            Close(model.Forward(levels, Hidden(1, 5, seed: 1), mask).Boxes[0], model.Forward(levels, Hidden(1, 5, seed: 2), mask).Boxes[0]);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, false)]
    public void Trainable_weights_get_gradients(bool fused, bool fusedDotProduct)
    {
        using var model = Random(Config with { Head = Config.Head with { EarlyFusion = fused, FusedDotProduct = fusedDotProduct } });
        model.SetRequiresGrad(true);
        var ids = tensor(new long[] { 3, 7, 9, 4 }).unsqueeze(0);
        var mask = ones(1, 4, ScalarType.Int64);
        using var generator = new Generator(3, CPU);
        var outputs = model.Forward(model.EncodeImage(randn([1, 3, 64, 96], generator: generator)), model.EncodeText(ids, mask), mask);
        outputs.All.Select(t => (t * t).sum()).Aggregate((a, b) => a + b).backward();
        foreach (var (name, weight) in model.NamedWeights())
        {
            // Nothing reads the text that the last layer would make.
            if (!fusedDotProduct && name.StartsWith("rpn.head.dyhead_tower.3.", StringComparison.Ordinal) && s_textParts.Any(name.Contains)) continue;
            Assert.True(weight.Value.grad is not null, name);
            // Softmax is blind to what is added to all scores of a row.
            var inert = name.Contains("key.bias", StringComparison.Ordinal) || name.EndsWith("attn.l_proj.bias", StringComparison.Ordinal);
            if (!inert) Assert.True(weight.Value.grad!.abs().sum().item<float>() > 0, name);
        }
    }

    [Fact]
    public void Frozen_and_trainable_weights_give_the_same_gradient_of_the_text()
    {
        var frozen = Gradient();
        _model.SetRequiresGrad(true);
        Assert.True(Close(frozen, Gradient()));

        Tensor Gradient()
        {
            var hidden = Hidden(1, 5).requires_grad_();
            var outputs = _model.Forward(Levels(), hidden, ones(1, 5));
            return autograd.grad([outputs.All.Select(t => t.mean()).Aggregate((a, b) => a + b)], [hidden])[0];
        }
    }

    [Fact]
    public void A_model_in_double_precision_computes_in_it()
    {
        var (levels, hidden, mask) = (Levels(), Hidden(1, 5), ones(1, 5));
        var single = _model.Forward(levels, hidden, mask);
        _model.To(CPU, ScalarType.Float64);
        Assert.Equal(ScalarType.Float64, _model.EncodeImage(randn(1, 3, 32, 32))[0].dtype);
        var exact = _model.Forward([.. levels.Select(l => l.to(ScalarType.Float64))], hidden, mask);
        Assert.All(single.All.Zip(exact.All), p => Assert.True(Close(p.First.to(ScalarType.Float64), p.Second)));

        var anchors = GlipAnchors.Create(Config.Anchors, exact.LevelSizes);
        var losses = new GlipLoss(Config.Loss).Compute(exact, anchors, [tensor(new float[] { 4, 5, 30, 40 }, [1, 4])], ones(1, 5), mask);
        Assert.True(losses.Total.isfinite().item<bool>());
    }

    [Theory]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void A_model_in_half_precision_gives_outputs_and_losses_in_single(ScalarType type)
    {
        using var model = Random(Config with { Head = Config.Head with { HasPromptOffset = true } });
        model.To(CPU, type);
        var (hidden, mask) = (Hidden(1, 5).requires_grad_(), ones(1, 5));
        var levels = model.EncodeImage(randn(1, 3, 48, 80));
        Assert.All(levels, l => Assert.Equal(type, l.dtype));
        var outputs = model.Forward(levels, hidden, mask);
        Assert.All(outputs.All, t => Assert.Equal(ScalarType.Float32, t.dtype));
        // Levels that were kept in float32 are the same.
        var kept = model.Forward([.. levels.Select(l => l.to(ScalarType.Float32))], hidden, mask);
        Assert.All(outputs.All.Zip(kept.All), p => Assert.True(p.First.equal(p.Second).all().item<bool>()));
        var losses = new GlipLoss(Config.Loss).Compute(outputs, GlipAnchors.Create(Config.Anchors, outputs.LevelSizes), [tensor(new float[] { 4, 5, 30, 40 }, [1, 4])], ones(1, 5), mask);
        Assert.Equal(ScalarType.Float32, losses.Total.dtype);
        losses.Total.backward();
        Assert.Equal(ScalarType.Float32, hidden.grad!.dtype);
        Assert.True(hidden.grad!.isfinite().all().item<bool>());
        new GlipPostProcessor(Config.Detection, Config.Anchors).Process(outputs, [[[1]]], [new(48, 80)]);
    }

    [Fact]
    public void Tokens_that_count_for_nothing_stay_finite_in_half_precision()
    {
        // Without fusion their vectors are zero, and float16 has no 1e-12 to keep a norm from that.
        using var model = Random(Config with { Head = Config.Head with { FusedDotProduct = false } });
        model.To(CPU, ScalarType.Float16);
        var outputs = model.Forward(model.EncodeImage(randn(1, 3, 48, 80)), Hidden(1, 5), tensor(new long[] { 1, 1, 1, 0, 0 }).view(1, 5));
        Assert.All(outputs.All, t => Assert.True(t.isfinite().all().item<bool>()));
    }

    [Fact]
    public void The_prompt_offset_is_added_to_every_token()
    {
        using var model = Random(Config with { Head = Config.Head with { HasPromptOffset = true } });
        var (levels, hidden, mask) = (Levels(), Hidden(1, 5), ones(1, 5));
        var offset = model.PromptOffset!.narrow(0, 0, 5).clone();
        var with = model.Forward(levels, hidden, mask);
        model.PromptOffset!.zero_();
        Assert.True(Close(with.Logits[0], model.Forward(levels, hidden + offset, mask).Logits[0]));
        Assert.False(Close(with.Logits[0], model.Forward(levels, hidden, mask).Logits[0]));
        Assert.Contains("1001 tokens", Assert.Throws<ArgumentException>(() => model.Forward(levels, zeros(1, 1001, 8), ones(1, 1001))).Message);
        Assert.Null(_model.PromptOffset);
    }
}
