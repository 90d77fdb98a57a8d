using Cones.Models.Sam3;
using Cones.Tasks.Segmentation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Tasks.Segmentation;

public sealed class Sam3LossTests : IDisposable
{
    static readonly Sam3LossOptions s_options = new();

    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void Every_object_gets_the_query_of_least_cost()
    {
        // The second query lies on the object; the first is surer of itself but far away.
        var logits = tensor(new float[] { 4, 0, -4 }).view(1, 3);
        var boxes = Boxes(0.6f, 0.6f, 1, 1, 0, 0, 0.4f, 0.4f, 0, 0, 0.41f, 0.4f).view(1, 3, 4);
        var target = new Sam3Target(Boxes(0, 0, 0.4f, 0.4f));
        Assert.Equal([new Sam3Match(0, 1, 0)], Sam3Matcher.OneToOne(logits, boxes, [target], s_options));
        Assert.Empty(Sam3Matcher.OneToOne(logits, boxes, [new Sam3Target(zeros(0, 4))], s_options));
    }

    [Fact]
    public void Costs_are_class_distance_and_overlap()
    {
        // Two queries with equal boxes differ by their class alone; two with equal logits by their boxes alone.
        var target = new Sam3Target(Boxes(0, 0, 0.5f, 0.5f));
        var same = Boxes(0, 0, 0.5f, 0.5f, 0, 0, 0.5f, 0.5f).view(1, 2, 4);
        Assert.Equal(1, Sam3Matcher.OneToOne(tensor(new float[] { -1, 1 }).view(1, 2), same, [target], s_options).Single().Query);
        var moved = Boxes(0, 0, 0.5f, 0.6f, 0.1f, 0, 0.6f, 0.5f).view(1, 2, 4);
        // L1: 0.05 + 0.1 against 0.1; GIoU: 5/6 against 2/3.
        Assert.Equal(0, Sam3Matcher.OneToOne(zeros(1, 2), moved, [target], s_options with { BoxCost = 0 }).Single().Query);
        Assert.Equal(1, Sam3Matcher.OneToOne(zeros(1, 2), moved, [target], s_options with { GiouCost = 0 }).Single().Query);
    }

    [Fact]
    public void More_objects_than_queries_leave_some_over()
    {
        var target = new Sam3Target(Boxes(0, 0, 0.5f, 0.5f, 0.5f, 0.5f, 1, 1));
        Assert.Equal([new Sam3Match(0, 0, 1)], Sam3Matcher.OneToOne(zeros(1, 1), Boxes(0.5f, 0.5f, 1, 1).view(1, 1, 4), [target], s_options));
    }

    [Fact]
    public void One_to_many_takes_the_best_scores_above_the_threshold()
    {
        // Scores 0.3 p + 0.7 IoU with p = 0.5: 0.85, 0.71, 0.5, 0.15 and 0.15.
        var boxes = Boxes(0, 0, 1, 1, 0, 0, 1, 0.8f, 0, 0, 1, 0.5f, 0, 0, 0.01f, 0.01f, 0, 0, 0.01f, 0.01f).view(1, 5, 4);
        var target = new Sam3Target(Boxes(0, 0, 1, 1));
        int[] Queries(Sam3LossOptions o) => [.. Sam3Matcher.OneToMany(zeros(1, 5), boxes, [target], o).Select(m => m.Query)];
        Assert.Equal([0, 1, 2], Queries(s_options));
        Assert.Equal([0], Queries(s_options with { OneToManyThreshold = 0.8 }));
        // Of 5 queries the quantile 1 - 2/5 lies between the second and the third: 0.5 + 0.4 (0.71 - 0.5).
        Assert.Equal([0, 1], Queries(s_options with { OneToManyTopK = 2 }));
        Assert.Equal([0, 1, 2], Queries(s_options with { OneToManyTopK = 9 }));
    }

    [Fact]
    public void The_parts_are_those_of_the_formulas()
    {
        var options = s_options with { Queries = 1 };
        var logits = tensor(new float[] { 0, MathF.Log(3) }).view(1, 2); // 0.5 and 0.75
        var boxes = Boxes(0, 0, 0.5f, 0.25f, 0.6f, 0.6f, 0.8f, 0.8f).view(1, 2, 4);
        var masks = zeros(1, 2, 2, 2);
        var target = new Sam3Target(Boxes(0, 0, 0.5f, 0.5f), ones(1, 4, 4));
        var terms = Sam3Loss.Compute(new Sam3Predictions(logits, boxes, full(1, 1, MathF.Log(3)), masks), [target], options);

        Assert.Equal(0.125f + 0.25f, terms.Box.item<float>(), 5); // the centre's y and the height
        Assert.Equal(1 - 0.5, terms.Giou.item<float>(), 5);
        var quality = Math.Pow(0.5, 0.25) * Math.Pow(0.5, 0.75);
        var found = -(quality * Math.Log(0.5)) - ((1 - quality) * Math.Log(0.5));
        var missed = -Math.Log(0.25) * 0.75 * 0.75;
        Assert.Equal(((10 * found) + missed) / 2, terms.Class.item<float>(), 4);
        Assert.Equal(-0.5 * Math.Log(0.75), terms.Presence.item<float>(), 5);
        Assert.Equal(0.25 * 0.25 * -Math.Log(0.5), terms.MaskFocal.item<float>(), 5);
        Assert.Equal(1 - (17.0 / 25), terms.MaskDice.item<float>(), 5); // 16 pixels of 0.5 against 16 of 1
        var total = (20 * terms.Class.item<float>()) + (20 * terms.Presence.item<float>()) + (5 * terms.Box.item<float>()) + (2 * terms.Giou.item<float>())
            + (200 * terms.MaskFocal.item<float>()) + (10 * terms.MaskDice.item<float>());
        Assert.Equal(total, terms.Total.item<float>(), 3);
        // The published mean is over 200 queries.
        Assert.Equal(((10 * found) + missed) / 200, Sam3Loss.Compute(new Sam3Predictions(logits, boxes), [target], s_options).Class.item<float>(), 5);
    }

    [Fact]
    public void A_bad_box_still_counts_as_found()
    {
        var predictions = new Sam3Predictions(zeros(1, 1), Boxes(0.9f, 0.9f, 1, 1).view(1, 1, 4));
        var terms = Sam3Loss.Compute(predictions, [new Sam3Target(Boxes(0, 0, 0.1f, 0.1f))], s_options with { Queries = 1 });
        Assert.Equal(10 * -Math.Log(0.5), terms.Class.item<float>(), 4); // the target is 0.01, and so is nothing of 0.5's entropy
        Assert.True(terms.Giou.item<float>() > 1);
    }

    [Fact]
    public void An_image_without_objects_leaves_the_queries_alone()
    {
        var logits = randn(2, 3).requires_grad_();
        var presence = zeros(2, 1).requires_grad_();
        var target = new Sam3Target(Boxes(0, 0, 0.5f, 0.5f));
        var predictions = new Sam3Predictions(logits, rand(2, 3, 4), presence, randn(2, 3, 4, 4));
        var terms = Sam3Loss.Compute(predictions, [new Sam3Target(zeros(0, 4), zeros(0, 4, 4)), target], s_options);
        var gradients = autograd.grad([terms.Total], [logits, presence]);
        Assert.Equal(0, gradients[0][0].abs().max().item<float>());
        Assert.True(gradients[0][1].abs().min().item<float>() > 0);
        Assert.Equal([2.5f, -2.5f], gradients[1].data<float>().ToArray()); // 20 · 0.5 · (0.5 - shown) / 2 images
        Assert.Equal(0, terms.MaskDice.item<float>()); // the second image has no masks
        var nothing = Sam3Loss.Compute(predictions, [new Sam3Target(zeros(0, 4)), new Sam3Target(zeros(0, 4))], s_options);
        Assert.Equal(0, nothing.Box.item<float>() + nothing.Giou.item<float>() + nothing.Class.item<float>());
    }

    [Fact]
    public void Earlier_layers_and_a_one_to_many_branch_add_up()
    {
        random.manual_seed(2);
        var output = Output();
        Sam3Target[] targets = [new(Boxes(0, 0, 0.5f, 0.5f), ones(1, 4, 4)), new(zeros(0, 4), zeros(0, 4, 4))];
        var last = Sam3Loss.Compute(output, targets, s_options with { EarlierLayers = false });
        var first = Sam3Loss.Compute(new Sam3Predictions(output.Layers.Logits[0], output.Layers.Boxes[0], output.Layers.Presence[0]), targets, s_options);
        var all = Sam3Loss.Compute(output, targets);
        Assert.Equal(last.Total.item<float>() + first.Total.item<float>(), all.Total.item<float>(), 3);
        Assert.Equal(last.Class.item<float>(), all.Class.item<float>());

        var branch = new Sam3Predictions(zeros(2, 3), Boxes(0, 0, 0.5f, 0.5f, 0, 0, 0.5f, 0.4f, 0, 0, 1, 1).repeat(2, 1).view(2, 3, 4));
        var matches = Sam3Matcher.OneToMany(branch.Logits, branch.Boxes, targets, s_options);
        Assert.Equal([0, 1], matches.Select(m => m.Query));
        var many = Sam3Loss.Compute(branch, targets, s_options, matches);
        var both = Sam3Loss.Compute(output, targets, s_options, branch);
        Assert.Equal(all.Total.item<float>() + (2 * many.Total.item<float>()), both.Total.item<float>(), 3);
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_refused()
    {
        var target = new Sam3Target(Boxes(0, 0, 1, 1));
        Throws("[1,3,5]", new Sam3Predictions(zeros(1, 3), zeros(1, 3, 5)), target);
        Throws("[2,1]", new Sam3Predictions(zeros(1, 3), zeros(1, 3, 4), zeros(2, 1)), target);
        Throws("[1,2,4,4]", new Sam3Predictions(zeros(1, 3), zeros(1, 3, 4), null, zeros(1, 2, 4, 4)), target);
        Throws("1 targets", new Sam3Predictions(zeros(2, 3), zeros(2, 3, 4)), target);
        Throws("[4]", new Sam3Predictions(zeros(1, 3), zeros(1, 3, 4)), new Sam3Target(zeros(4)));
        Throws("[2,5,5]", new Sam3Predictions(zeros(1, 3), zeros(1, 3, 4)), target with { Masks = zeros(2, 5, 5) });

        static void Throws(string part, Sam3Predictions predictions, Sam3Target target) =>
            Assert.Contains(part, Assert.Throws<ArgumentException>(() => Sam3Loss.Compute(predictions, [target], s_options)).Message);
    }

    [Fact]
    public void A_loss_leaves_its_terms_and_nothing_else()
    {
        var output = Output();
        Sam3Target[] targets = [new(Boxes(0, 0, 0.5f, 0.5f), ones(1, 4, 4)), new(zeros(0, 4))];
        var branch = new Sam3Predictions(zeros(2, 3), rand(2, 3, 4));
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var terms = Sam3Loss.Compute(output, targets, s_options, branch);
        Assert.Equal(before + 7, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.Empty(terms.Total.shape);
    }

    static Sam3Output Output()
    {
        var low = rand(2, 2, 3, 2) * 0.5;
        var boxes = cat([low, low + 0.1 + (rand(2, 2, 3, 2) * 0.4)], dim: -1); // [L, B, Q, 4]
        var (logits, presence) = (randn(2, 2, 3), randn(2, 2, 1));
        var none = zeros(0);
        return new Sam3Output(
            randn(2, 3, 4, 4), boxes[1], logits[1], presence[1], randn(2, 1, 4, 4), new Sam3LayerOutputs(boxes, logits, presence, none, none, none));
    }

    static Tensor Boxes(params float[] values) => tensor(values).view(-1, 4);
}
