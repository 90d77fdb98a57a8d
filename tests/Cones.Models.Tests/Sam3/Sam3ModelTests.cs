using Cones.Models.Sam3;
using TorchSharp;
using static Cones.Models.Tests.Sam3.Sam3TestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Sam3;

public sealed class Sam3ModelTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();
    readonly Sam3Model _model = Model();

    public Sam3ModelTests() => random.manual_seed(3);

    public void Dispose()
    {
        _model.Dispose();
        _scope.Dispose();
    }

    [Fact]
    public void Wrong_input_is_refused_with_the_numbers()
    {
        var features = _model.EncodeImage(randn(2, 3, 20, 20));
        Throws(() => _model.EncodeImage(zeros(1, 3, 20, 24)), "[1,3,20,24]", "20");
        Throws(() => _model.ProjectText(zeros(1, 4, 9)), "[1,4,9]", "8");
        Throws(() => _model.EncodeText(full(1, 3, 20, ScalarType.Int64)), "20 tokens");
        Throws(() => _model.Forward(features, zeros(2, 4, 15)), "[2,4,15]", "16");
        Throws(() => _model.Forward(features, zeros(3, 4, 16)), "2 images", "3 prompts");
        Throws(() => _model.Forward(features, zeros(2, 4, 16), ones(2, 5)), "[2,5]", "[2,4]");
        Throws(() => _model.Forward(new Sam3ImageFeatures([features.Levels[0], features.Levels[1]]), zeros(2, 4, 16)), "2 levels", "3");
        Throws(() => _model.Forward(new Sam3ImageFeatures([features.Levels[1], features.Levels[1], features.Levels[2]]), zeros(2, 4, 16)), "level 0", "20");
        Throws(() => _model.Forward(features, zeros(2, 4, 16), boxes: new Sam3BoxPrompts(zeros(1, 1, 4))), "[1,1,4]", "[2,");
        Throws(() => _model.Forward(features, zeros(2, 4, 16), boxes: new Sam3BoxPrompts(zeros(2, 1, 4), zeros(2, 2))), "[2,2]", "[2,1]");
        Throws(() => _model.Forward(features, zeros(2, 4, 16), boxes: new Sam3BoxPrompts(zeros(2, 1, 4), full(2, 1, 7))), "label is 7");
        Throws(() => _model.Forward(features, zeros(2, 4, 16), boxes: new Sam3BoxPrompts(full(2, 1, 4, 350))), "350", "divide");
        Throws(() => _model.Forward(features, zeros(2, 4, 16), boxes: new Sam3BoxPrompts(full(2, 1, 4, float.NaN))), "NaN");

        static void Throws(Action action, params string[] parts)
        {
            var message = Assert.Throws<ArgumentException>(action).Message;
            foreach (var part in parts) Assert.Contains(part, message);
        }
    }

    [Fact]
    public void A_row_of_a_batch_equals_that_row_alone()
    {
        var pixels = randn(2, 3, 20, 20);
        var text = randn(2, 4, 16);
        var mask = tensor(new long[] { 1, 1, 1, 1, 1, 1, 0, 0 }).view(2, 4);
        var boxes = rand(2, 3, 4);
        var labels = tensor(new long[] { 1, 0, 1, 1, -10, -10 }).view(2, 3);
        var batch = _model.Forward(_model.EncodeImage(pixels), text, mask, new Sam3BoxPrompts(boxes, labels));
        var alone = _model.Forward(_model.EncodeImage(pixels[1..]), text[1.., ..2], null, new Sam3BoxPrompts(boxes[1.., ..1]));
        AssertRow(batch, 1, alone, 0);
    }

    [Fact]
    public void One_image_serves_many_prompts_and_one_prompt_many_images()
    {
        var features = _model.EncodeImage(randn(2, 3, 20, 20));
        var text = randn(3, 4, 16);
        var mask = tensor(new long[] { 1, 1, 1, 1, 1, 1, 0, 0, 1, 0, 0, 0 }).view(3, 4);
        var first = new Sam3ImageFeatures([.. features.Levels.Select(l => l[..1])]);
        var many = _model.Forward(first, text, mask);
        AssertRow(many, 2, _model.Forward(first, text[2..], mask[2..]), 0);
        var shared = _model.Forward(features, text[1..2], mask[1..2]);
        AssertRow(shared, 0, many, 1);
    }

    [Fact]
    public void Masked_tokens_change_nothing_and_get_no_gradient()
    {
        var features = _model.EncodeImage(randn(1, 3, 20, 20));
        var text = randn(1, 4, 16).requires_grad_();
        var mask = tensor(new long[] { 1, 1, 0, 0 }).view(1, 4);
        var output = _model.Forward(features, text, mask);
        AssertRow(output, 0, _model.Forward(features, cat([text[.., ..2], randn(1, 2, 16)], dim: 1), mask), 0);
        var gradient = autograd.grad([output.PredMasks.sum() + output.PredBoxes.sum() + output.PredLogits.sum()], [text])[0];
        Assert.Equal(0, gradient[0, 2..].abs().max().item<float>());
        Assert.True(gradient[0, ..2].abs().max().item<float>() > 0);
    }

    [Fact]
    public void Features_may_come_from_a_cache_in_another_layout()
    {
        var features = _model.EncodeImage(randn(1, 3, 20, 20));
        var text = randn(1, 4, 16);
        var stored = new Sam3ImageFeatures([.. features.Levels.Select(l => l.contiguous())]);
        AssertRow(_model.Forward(features, text), 0, _model.Forward(stored, text), 0);
    }

    [Fact]
    public void The_last_layer_is_the_result()
    {
        var output = _model.Forward(_model.EncodeImage(randn(2, 3, 20, 20)), randn(2, 4, 16));
        Assert.True(output.Layers.Boxes[^1].equal(output.PredBoxes).all().item<bool>());
        Assert.True(output.Layers.Logits[^1].equal(output.PredLogits).all().item<bool>());
        Assert.True(output.Layers.Presence[^1].equal(output.PresenceLogits).all().item<bool>());
        Assert.Equal([2, 2, 5, 4], output.Layers.Boxes.shape);
        Assert.Equal([2, 5, 20, 20], output.PredMasks.shape);
    }

    [Fact]
    public void Other_levels_and_windows_work()
    {
        var vision = Config.Vision;
        using var model = Model(Config with
        {
            Vision = vision with { ScaleFactors = [2, 1, 0.5, 0.5], Backbone = vision.Backbone with { WindowSize = 0, GlobalAttnIndexes = [] } },
        });
        var features = model.EncodeImage(randn(1, 3, 20, 20));
        Assert.Equal([10, 5, 2], features.Levels.Select(l => l.shape[2]));
        Assert.Equal([1, 5, 10, 10], model.Forward(features, randn(1, 4, 16)).PredMasks.shape);
    }

    [Fact]
    public void A_frozen_model_gives_gradients_to_the_prompt_only()
    {
        var text = randn(1, 4, 16).requires_grad_();
        var output = _model.Forward(_model.EncodeImage(randn(1, 3, 20, 20)), text);
        (output.PredMasks.sum() + output.SemanticSeg.sum()).backward();
        Assert.True(text.grad!.abs().max().item<float>() > 0);
        Assert.All(_model.NamedWeights(), w => Assert.Null(w.Value.Value.grad));
    }

    [Fact]
    public void Trainable_weights_get_gradients()
    {
        _model.SetRequiresGrad(true);
        var ids = tensor(new long[] { 1, 2, 3, 4, 5, 6 }).view(2, 3);
        var boxes = new Sam3BoxPrompts(rand(2, 3, 4), tensor(new long[] { 1, 0, 1, 1, 0, -10 }).view(2, 3));
        var output = _model.Forward(_model.EncodeImage(randn(2, 3, 20, 20)), _model.EncodeText(ids).Embeds, boxes: boxes);
        (output.PredMasks.square().sum() + output.PredBoxes.square().sum() + output.PredLogits.sum() + output.PresenceLogits.sum() + output.SemanticSeg.sum()).backward();

        string[] without = [.. _model.NamedWeights().Where(w => w.Value.Value.grad is not { } g || g.abs().max().item<float>() == 0).Select(w => w.Key)];
        // In the checkpoint but without any use, or without effect since all keys of a softmax get the same.
        string[] unused = ["vision_encoder.neck.fpn_layers.3.", "mask_decoder.pixel_decoder.conv_layers.2.", "mask_decoder.pixel_decoder.norms.2.", "text_encoder.text_projection."];
        Assert.All(without, k => Assert.True(
            unused.Any(u => k.StartsWith(u, StringComparison.Ordinal)) || k.EndsWith("k_proj.bias", StringComparison.Ordinal) || k.EndsWith("layer2.bias", StringComparison.Ordinal), k));
        Assert.All(unused, u => Assert.Contains(without, k => k.StartsWith(u, StringComparison.Ordinal)));
    }

    [Fact]
    public void Gradients_reach_float32_embeddings_through_a_half_precision_model()
    {
        _model.To(CPU, ScalarType.BFloat16);
        var text = randn(1, 4, 16).requires_grad_();
        var boxes = new Sam3BoxPrompts(rand(1, 2, 4));
        var output = _model.Forward(_model.EncodeImage(randn(1, 3, 20, 20)), text, boxes: boxes);
        Assert.Equal((ScalarType.BFloat16, ScalarType.Float32), (output.PredMasks.dtype, output.PredBoxes.dtype));
        Assert.Equal(ScalarType.Float32, autograd.grad([output.PredMasks.sum()], [text])[0].dtype);
    }

    [Fact]
    public void A_step_leaves_its_outputs_and_nothing_else()
    {
        var pixels = randn(1, 3, 20, 20);
        var boxes = new Sam3BoxPrompts(rand(1, 2, 4), ones(1, 2));
        var text = randn(1, 4, 16).requires_grad_();
        var ids = tensor(new long[] { 1, 2, 3 }).view(1, 3);
        var mask = ones(1, 3, ScalarType.Int64);
        using (NewDisposeScope()) Step(_model.EncodeImage(pixels)); // makes what layers derive from frozen weights
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var features = _model.EncodeImage(pixels);
        _model.EncodeText(ids, mask);
        _model.EncodePositions(2);
        _model.EncodeBoxes(features, boxes);
        Assert.Equal(before + 3 + 1 + 1 + 2, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        using (no_grad()) _model.Forward(features, text, boxes: boxes);
        Assert.Equal(before + 7 + 11, DisposeScopeManager.Statistics.ThreadTotalLiveCount);

        before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (NewDisposeScope()) Step(features);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);

        void Step(Sam3ImageFeatures image) => autograd.grad([_model.Forward(image, text, boxes: boxes).PredMasks.sum()], [text]);
    }

    static void AssertRow(Sam3Output expected, int row, Sam3Output actual, int actualRow)
    {
        (Tensor Expected, Tensor Actual)[] pairs =
        [
            (expected.PredMasks, actual.PredMasks), (expected.PredBoxes, actual.PredBoxes), (expected.PredLogits, actual.PredLogits),
            (expected.PresenceLogits, actual.PresenceLogits), (expected.SemanticSeg, actual.SemanticSeg),
        ];
        Assert.All(pairs, p => Assert.True(p.Expected[row].allclose(p.Actual[actualRow], rtol: 1e-3, atol: 1e-4)));
    }
}
