using Cones.Models.Glip.Configuration;
using Cones.Models.Glip.Detection;
using Cones.Models.Glip.Head;
using Cones.Models.Glip.Training;
using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Glip;

public sealed class GlipLossTests : IDisposable
{
    static readonly GlipLossConfig s_config = new();
    static readonly ImageSize s_image = new(64, 96);
    static readonly GlipAnchors s_anchors = GlipAnchors.Create(new GlipAnchorConfig { Sizes = [16, 32, 64, 128, 256] }, s_image);

    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void Positive_anchors_lie_in_their_box()
    {
        float[] box = [10, 8, 50, 40];
        var assignment = new AtssAssigner(s_config).Assign(s_anchors, Boxes(box));
        Assert.NotEqual(0, assignment.Positives);
        Assert.All(assignment.Anchors, anchor =>
        {
            var b = s_anchors.Boxes.Slice(4 * anchor, 4);
            var (x, y) = ((b[0] + b[2]) / 2, (b[1] + b[3]) / 2);
            Assert.True(x > box[0] && x < box[2] && y > box[1] && y < box[3]);
        });
        Assert.All(assignment.Centerness, c => Assert.InRange(c, 0, 1));
        Assert.Equal(assignment.Anchors.Order(), assignment.Anchors);
    }

    [Fact]
    public void An_anchor_of_two_boxes_goes_to_the_one_it_overlaps_most_and_of_equals_to_the_first()
    {
        float[] small = [20, 20, 36, 36], large = [8, 8, 60, 56];
        var assigner = new AtssAssigner(s_config);
        var alone = assigner.Assign(s_anchors, Boxes(small));
        Assert.Equal(alone.Anchors, OfBox(assigner.Assign(s_anchors, Boxes(large, small)), 1));
        Assert.Equal(alone.Anchors, OfBox(assigner.Assign(s_anchors, Boxes(small, small)), 0));

        static int[] OfBox(AtssAssignment a, int box) => [.. a.Anchors.Where((_, i) => a.Boxes[i] == box)];
    }

    [Fact]
    public void Boxes_without_extent_are_refused()
    {
        var message = Assert.Throws<ArgumentException>(() => new AtssAssigner(s_config).Assign(s_anchors, Boxes([5, 5, 3, 9]))).Message;
        Assert.Contains("box 0 runs from (5, 5) to (3, 9)", message);
        Assert.Contains("[4]", Assert.Throws<ArgumentException>(() => new AtssAssigner(s_config).Assign(s_anchors, zeros(4))).Message);
    }

    [Fact]
    public void An_image_without_boxes_is_all_background()
    {
        var outputs = Outputs(1);
        var losses = new GlipLoss(s_config).Compute(outputs, s_anchors, [zeros(0, 4)], zeros(0, 3), ones(1, 3));
        Assert.Equal((0f, 0f), (losses.Box.item<float>(), losses.Centerness.item<float>()));
        // The token loss is not divided by the number of positives, which is 0.
        var expected = outputs.Logits.Select(l => (nn.functional.softplus(l) * l.sigmoid().pow(2) * 0.75).sum()).Aggregate((a, b) => a + b);
        Assert.Equal(expected.item<float>(), losses.Token.item<float>(), 1e-3f);
        losses.Total.backward();
        Assert.All(outputs.All, t => Assert.True(t.grad is null || t.grad.isfinite().all().item<bool>()));
    }

    [Fact]
    public void Losses_are_averaged_over_the_positives_of_all_images()
    {
        var outputs = Outputs(2);
        var loss = new GlipLoss(s_config);
        Tensor[] boxes = [Boxes([10, 8, 50, 40]), Boxes([20, 20, 36, 36], [50, 10, 90, 60])];
        var map = tensor(new float[] { 1, 0, 0, 0, 1, 0, 0, 1, 1 }, [3, 3]);
        var both = loss.Compute(outputs, s_anchors, boxes, map, ones(1, 3));
        var assigner = new AtssAssigner(s_config);
        double token = 0, centerness = 0, positives = 0;
        for (var i = 0; i < 2; i++)
        {
            var one = new GlipOutputs(Image(outputs.Logits, i), Image(outputs.Boxes, i), Image(outputs.Centerness, i));
            var count = assigner.Assign(s_anchors, boxes[i]).Positives;
            var losses = loss.Compute(one, s_anchors, [boxes[i]], i == 0 ? map.narrow(0, 0, 1) : map.narrow(0, 1, 2), ones(1, 3));
            (token, centerness, positives) = (token + (losses.Token.item<float>() * count), centerness + (losses.Centerness.item<float>() * count), positives + count);
        }

        Assert.Equal(token / positives, both.Token.item<float>(), 4);
        Assert.Equal(centerness / positives, both.Centerness.item<float>(), 4);
        Assert.Equal(both.Total.item<float>(), (both.Token + both.Box + both.Centerness).item<float>(), 5);

        static Tensor[] Image(IReadOnlyList<Tensor> levels, int image) => [.. levels.Select(l => l.narrow(0, image, 1))];
    }

    [Fact]
    public void Masked_tokens_have_no_gradient_and_the_last_column_is_taught_on_demand_only()
    {
        var box = Boxes([10, 8, 50, 40]);
        var map = tensor(new float[] { 1, 0, 0 }, [1, 3]);
        Assert.True(LastColumn(teaches: false, lastIsValid: true) > 0); // pushed down, as on background it should be
        Assert.True(LastColumn(teaches: true, lastIsValid: true) < 0);
        Assert.Equal(0, LastColumn(teaches: true, lastIsValid: false));

        float LastColumn(bool teaches, bool lastIsValid)
        {
            var outputs = Outputs(1);
            var mask = tensor(new float[] { 1, 1, lastIsValid ? 1 : 0 }, [1, 3]);
            new GlipLoss(s_config) { TeachesLastColumn = teaches }.Compute(outputs, s_anchors, [box], map, mask).Token.backward();
            return outputs.Logits[0].grad!.select(2, 2).sum().item<float>();
        }
    }

    [Fact]
    public void Wrong_shapes_are_refused_with_the_numbers()
    {
        var (outputs, loss) = (Outputs(2), new GlipLoss(s_config));
        var box = Boxes([10, 8, 50, 40]);
        Throws(() => loss.Compute(outputs, s_anchors, [box], ones(1, 3), ones(1, 3)), "1 images", "2 images");
        Throws(() => loss.Compute(outputs, s_anchors, [box, box], ones(1, 3), ones(1, 3)), "[2,3]", "[1,3]");
        Throws(() => loss.Compute(outputs, s_anchors, [box, box], ones(2, 3), ones(3, 3)), "[2 or 1,3]", "[3,3]");
        var others = GlipAnchors.Create(new GlipAnchorConfig(), new ImageSize(32, 32));
        Throws(() => loss.Compute(outputs, others, [box, box], ones(2, 3), ones(1, 3)), $"{others.Count} anchors", $"{s_anchors.Count}");

        static void Throws(Action action, params string[] parts)
        {
            var message = Assert.Throws<ArgumentException>(action).Message;
            Assert.All(parts, p => Assert.Contains(p, message));
        }
    }

    static Tensor Boxes(params float[][] boxes) => tensor(boxes.SelectMany(b => b).ToArray(), [boxes.Length, 4]);

    static GlipOutputs Outputs(int batch)
    {
        using var generator = new Generator(4, CPU);
        (long H, long W)[] sizes = [(8, 12), (4, 6), (2, 3), (1, 2), (1, 1)];
        return new GlipOutputs(
            [.. sizes.Select(s => randn([batch, s.H * s.W, 3], generator: generator).requires_grad_())],
            [.. sizes.Select(s => randn([batch, 4, s.H, s.W], generator: generator).requires_grad_())],
            [.. sizes.Select(s => randn([batch, 1, s.H, s.W], generator: generator).requires_grad_())]);
    }
}
