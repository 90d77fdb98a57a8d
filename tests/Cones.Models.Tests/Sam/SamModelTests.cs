using Cones.Models.Sam;
using TorchSharp;
using static Cones.Models.Tests.Sam.SamTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Sam;

public sealed class SamModelTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();
    readonly SamModel _model = Model();

    public SamModelTests() => random.manual_seed(3);

    public void Dispose()
    {
        _model.Dispose();
        _scope.Dispose();
    }

    [Fact]
    public void Wrong_input_is_refused_with_the_numbers()
    {
        Throws(() => _model.EncodeImage(zeros(1, 3, 20, 24)), "[1,3,20,24]", "20");
        Throws(() => _model.EncodeImage(zeros(3, 20, 20)), "[3,20,20]");
        Throws(() => _model.EncodePrompts(new SamPrompts { Labels = zeros(1, 2, 3) }), "labels");
        Throws(() => _model.EncodePrompts(Prompts() with { Points = zeros(2, 3, 2) }), "[2,3,2]");
        Throws(() => _model.EncodePrompts(Prompts() with { Labels = zeros(2, 3, 1) }), "[2,3,1]", "[2,3,2]");
        Throws(() => _model.EncodePrompts(Prompts() with { Labels = full(2, 3, 2, 4) }), "4", "-10");
        Throws(() => _model.EncodePrompts(Prompts() with { Boxes = zeros(2, 2, 4) }), "[2,2,4]", "[2,3,4]");
        Throws(() => _model.EncodePrompts(Prompts() with { Masks = zeros(2, 1, 5, 5) }), "[2,1,5,5]", "20");
        var image = zeros(2, 16, 5, 5);
        Throws(() => _model.Decode(zeros(2, 16, 5, 6)), "[2,16,5,6]");
        Throws(() => _model.Decode(image, extraSparse: zeros(2, 1, 4, 15)), "[2,1,4,15]", "16");
        Throws(() => _model.Decode(image, extraSparse: zeros(3, 1, 4, 16)), "[3,1,4,16]", "2 images");
        Throws(() => _model.Decode(image, _model.EncodePrompts(Prompts()), extraSparse: zeros(2, 2, 4, 16)), "3 and 2 prompts");
        Throws(() => _model.Decode(zeros(3, 16, 5, 5), _model.EncodePrompts(Prompts())), "3 images");

        static void Throws(Action action, params string[] parts)
        {
            var message = Assert.Throws<ArgumentException>(action).Message;
            foreach (var part in parts) Assert.Contains(part, message);
        }
    }

    [Fact]
    public void Extra_tokens_come_behind_the_prompts_own()
    {
        var image = _model.EncodeImage(randn(2, 3, 20, 20));
        var prompts = _model.EncodePrompts(Prompts(masks: true));
        var extra = randn(2, 3, 2, 16);
        var both = prompts with { Sparse = cat([prompts.Sparse!, extra], dim: 2) };
        AssertSame(_model.Decode(image, both), _model.Decode(image, prompts, extraSparse: extra));
    }

    [Fact]
    public void One_concept_holds_for_all_images_and_prompts()
    {
        var image = _model.EncodeImage(randn(2, 3, 20, 20));
        var prompts = _model.EncodePrompts(Prompts());
        var concept = randn(1, 1, 2, 16);
        AssertSame(_model.Decode(image, prompts, extraSparse: concept.expand(2, 3, -1, -1)), _model.Decode(image, prompts, extraSparse: concept));
        var alone = _model.Decode(image, multimaskOutput: false, extraSparse: concept);
        Assert.Equal([2, 1, 1, 20, 20], alone.PredMasks.shape);
        Assert.Equal([2, 1, 1], alone.IouScores.shape);
    }

    [Fact]
    public void Without_any_prompt_there_is_one_set_of_masks_an_image() =>
        Assert.Equal([2, 1, 2, 20, 20], _model.Decode(_model.EncodeImage(randn(2, 3, 20, 20))).PredMasks.shape);

    [Fact]
    public void A_prompt_in_a_batch_equals_that_prompt_alone()
    {
        var image = _model.EncodeImage(randn(2, 3, 20, 20));
        var prompts = Prompts();
        var batch = _model.Decode(image, _model.EncodePrompts(prompts));
        var alone = _model.Decode(image[1..], _model.EncodePrompts(new SamPrompts
        {
            Points = prompts.Points![1.., 2..],
            Labels = prompts.Labels![1.., 2..],
            Boxes = prompts.Boxes![1.., 2..],
        }));
        Assert.True(batch.PredMasks[1.., 2..].allclose(alone.PredMasks, rtol: 1e-4, atol: 1e-4));
        Assert.True(batch.IouScores[1.., 2..].allclose(alone.IouScores, rtol: 1e-4, atol: 1e-4));
    }

    [Fact]
    public void Filler_points_are_zeros_and_a_missing_box_adds_a_point_that_is_none()
    {
        var sparse = _model.EncodePrompts(Prompts(boxes: false)).Sparse!;
        Assert.Equal([2, 3, 3, 16], sparse.shape);
        Assert.Equal(0, sparse[0, 2, 1].abs().max().item<float>());
        Assert.True(sparse[.., .., 2].eq(sparse[0, 1, 1]).all().item<bool>()); // the label -1
        Assert.Equal([2, 3, 4, 16], _model.EncodePrompts(Prompts()).Sparse!.shape);
        Assert.Null(_model.EncodePrompts(new SamPrompts { Masks = zeros(1, 1, 20, 20) }).Sparse);
    }

    [Theory]
    [InlineData(false, true, true)]
    [InlineData(true, false, true)]
    [InlineData(true, true, false)]
    public void Positions_and_biases_may_be_absent(bool absolute, bool relative, bool bias)
    {
        using var model = Model(Config with { Vision = Config.Vision with { UseAbsPos = absolute, UseRelPos = relative, QkvBias = bias } });
        Assert.Equal([1, 16, 5, 5], model.EncodeImage(randn(1, 3, 20, 20)).shape);
        Assert.Equal(absolute, model.NamedWeights().Any(w => w.Key == "vision_encoder.pos_embed"));
        Assert.Equal(relative, model.NamedWeights().Any(w => w.Key.EndsWith("rel_pos_h", StringComparison.Ordinal)));
        Assert.Equal(bias, model.NamedWeights().Any(w => w.Key.EndsWith("qkv.bias", StringComparison.Ordinal)));
    }

    [Fact]
    public void Points_without_labels_are_on_the_object()
    {
        var prompts = Prompts(boxes: false);
        var labelled = _model.EncodePrompts(prompts with { Labels = ones(2, 3, 2, ScalarType.Int64) });
        var plain = _model.EncodePrompts(prompts with { Labels = null });
        Assert.True(labelled.Sparse!.equal(plain.Sparse!).all().item<bool>());
    }

    // As in transformers, which rounds down.
    [Fact]
    public void Sizes_need_not_divide_one_another()
    {
        using var model = Model(Config with
        {
            Vision = Config.Vision with { ImageSize = 22, OutputChannels = 18, NumPosFeats = 9 },
            PromptEncoder = Config.PromptEncoder with { ImageSize = 22, HiddenSize = 18, MaskInputChannels = 6 },
            MaskDecoder = Config.MaskDecoder with { HiddenSize = 18, NumAttentionHeads = 2, AttentionDownsampleRate = 4, IouHeadDepth = 1 },
        });
        var output = model.Forward(randn(2, 3, 22, 22), Prompts(masks: true));
        Assert.Equal([2, 3, 2, 20, 20], output.PredMasks.shape);
        Assert.Equal([2, 3, 2], output.IouScores.shape);
    }

    [Fact]
    public void A_frozen_model_gives_gradients_to_the_prompts_only()
    {
        var concept = randn(1, 1, 2, 16).requires_grad_();
        _model.Decode(_model.EncodeImage(randn(1, 3, 20, 20)), extraSparse: concept).PredMasks.sum().backward();
        Assert.True(concept.grad!.abs().max().item<float>() > 0);
        Assert.All(_model.NamedWeights(), w => Assert.Null(w.Value.Value.grad));
    }

    [Fact]
    public void Trainable_weights_get_gradients()
    {
        _model.SetRequiresGrad(true);
        var pixels = randn(2, 3, 20, 20);
        foreach (var masks in (bool[])[true, false])
            foreach (var multimask in (bool[])[true, false])
            {
                var output = _model.Forward(pixels, Prompts(masks: masks), multimask);
                (output.PredMasks.square().sum() + output.IouScores.sum()).backward();
            }

        // Without effect: what adds the same to all scores of a softmax; and the frequencies, which are a constant.
        string[] without = [.. _model.NamedWeights().Where(w => w.Value.Value.grad is not { } g || g.abs().max().item<float>() == 0).Select(w => w.Key)];
        Assert.All(without, k => Assert.True(k.EndsWith("k_proj.bias", StringComparison.Ordinal) || k == "shared_image_embedding.positional_embedding", k));
        Assert.Contains("shared_image_embedding.positional_embedding", without);
    }

    [Fact]
    public void Gradients_reach_float32_embeddings_through_a_half_precision_model()
    {
        _model.To(CPU, ScalarType.BFloat16);
        var concept = randn(1, 1, 2, 16).requires_grad_();
        var output = _model.Decode(_model.EncodeImage(randn(1, 3, 20, 20)), _model.EncodePrompts(Prompts() with { Points = rand(1, 3, 2, 2), Labels = ones(1, 3, 2), Boxes = null }), extraSparse: concept);
        Assert.Equal(ScalarType.BFloat16, output.PredMasks.dtype);
        Assert.Equal(ScalarType.Float32, autograd.grad([output.PredMasks.sum()], [concept])[0].dtype);
    }

    [Theory]
    [InlineData(ScalarType.BFloat16, 0.005)]
    [InlineData(ScalarType.Float16, 0.0006)]
    public void Places_are_encoded_exactly_in_half_precision(ScalarType type, double rounding)
    {
        // Frequencies of many turns, of which half precision would keep three digits.
        using (no_grad()) _model.NamedWeights().Single(w => w.Key == "shared_image_embedding.positional_embedding").Value.Value.mul_(100);
        foreach (var (name, weight) in _model.NamedWeights().Where(w => w.Key.StartsWith("prompt_encoder.", StringComparison.Ordinal))) weight.Assign(zeros([.. weight.Shape]));
        var boxes = Prompts(points: false);
        var (grid, corners) = (_model.EncodePositions(), _model.EncodePrompts(boxes).Sparse!);
        using var half = Model();
        foreach (var (from, to) in _model.NamedWeights().Zip(half.NamedWeights())) to.Value.Assign(from.Value.Value.clone());
        half.To(CPU, type);
        Assert.Equal(["shared_image_embedding.positional_embedding"], half.NamedWeights().Where(w => w.Value.Value.dtype != type).Select(w => w.Key));
        Assert.Equal(type, half.EncodePositions().dtype);
        Assert.True((half.EncodePositions().to(ScalarType.Float32) - grid).abs().max().item<float>() < rounding);
        Assert.True((half.EncodePrompts(boxes).Sparse!.to(ScalarType.Float32) - corners).abs().max().item<float>() < rounding);
    }

    [Fact]
    public void A_step_leaves_its_outputs_and_nothing_else()
    {
        var pixels = randn(2, 3, 20, 20);
        var prompts = Prompts(masks: true);
        _model.Forward(pixels, prompts); // makes what layers derive from frozen weights
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        _model.EncodeImage(pixels);
        _model.EncodePositions();
        _model.EncodePrompts(prompts);
        _model.Forward(pixels, prompts);
        Assert.Equal(before + 6, DisposeScopeManager.Statistics.ThreadTotalLiveCount);

        var image = _model.EncodeImage(pixels);
        var concept = randn(1, 1, 2, 16).requires_grad_();
        before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (NewDisposeScope()) autograd.grad([_model.Decode(image, extraSparse: concept).PredMasks.sum()], [concept]);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    static void AssertSame(SamOutput expected, SamOutput actual)
    {
        Assert.True(expected.PredMasks.allclose(actual.PredMasks, rtol: 1e-5, atol: 1e-5));
        Assert.True(expected.IouScores.allclose(actual.IouScores, rtol: 1e-5, atol: 1e-5));
    }
}
