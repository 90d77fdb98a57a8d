using Cones.Models.Clip;
using TorchSharp;
using static Cones.Models.Tests.Clip.ClipTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Clip;

public sealed class ClipModelTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void A_joint_model_has_the_keys_of_both_towers_and_a_scale()
    {
        var config = Joint with { Text = Text with { ProjectionDim = 5 }, Vision = Vision with { ProjectionDim = 5 } };
        var towers = new ClipTextModel(config.Text, true).NamedWeights()
            .Concat(new ClipVisionModel(config.Vision, true).NamedWeights())
            .Select(w => (w.Key, string.Join(",", w.Value.Shape)))
            .Append(("logit_scale", ""));
        var joint = new ClipModel(config).NamedWeights().Select(w => (w.Key, string.Join(",", w.Value.Shape)));
        Assert.Equal(towers.Order(), joint.Order());
    }

    [Fact]
    public void The_projection_of_a_joint_model_is_its_own()
    {
        using var model = WithRandomWeights(new ClipModel(Joint));
        Assert.Equal([1, 5], model.Text.Forward(Ids(1, 19)).TextEmbeds!.shape);
        Assert.Equal([2, 5], model.Vision.Forward(randn(2, 3, 8, 8)).ImageEmbeds!.shape);
        Assert.Equal((5, 5), (model.Text.Config.ProjectionDim, model.Vision.Config.ProjectionDim));
    }

    [Fact]
    public void Images_and_texts_need_not_be_as_many_except_for_the_loss()
    {
        using var model = WithRandomWeights(new ClipModel(Joint));
        var output = model.Forward(Ids(1, 19), randn(3, 3, 8, 8));
        Assert.Equal([3, 1], output.LogitsPerImage.shape);
        Assert.Equal([1, 3], output.LogitsPerText.shape);
        Assert.Contains("[1,3]", Assert.Throws<ArgumentException>(() => ClipSimilarity.ContrastiveLoss(output.LogitsPerText)).Message);
    }

    [Fact]
    public void A_forward_leaves_its_four_outputs_and_nothing_else()
    {
        using var model = WithRandomWeights(new ClipModel(Joint));
        var (ids, pixels) = (Ids(1, 19), randn(3, 3, 8, 8));
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        model.Forward(ids, pixels);
        Assert.Equal(before + 4, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void Embeddings_of_another_width_are_refused()
    {
        using var model = WithRandomWeights(new ClipModel(Joint));
        Assert.Contains("[2,4]", Assert.Throws<ArgumentException>(() => model.Compare(randn(2, 4), randn(2, 5))).Message);
        Assert.Contains("[5]", Assert.Throws<ArgumentException>(() => model.Compare(randn(2, 5), randn(5))).Message);
        Assert.Throws<ArgumentException>(() => ClipSimilarity.Logits(randn(2, 4), randn(2, 5), tensor(1f)));
        Assert.Throws<ArgumentException>(() => ClipSimilarity.Logits(randn(2, 4), randn(2, 4), randn(2)));
    }
}
