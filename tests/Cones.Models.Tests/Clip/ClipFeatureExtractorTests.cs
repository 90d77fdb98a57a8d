using Cones.Models.Clip;
using TorchSharp;
using static Cones.Models.Tests.Clip.ClipTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Clip;

public sealed class ClipFeatureExtractorTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();
    readonly ClipFeatureExtractor _features = new(WithRandomWeights(new ClipModel(Joint)), batchSize: 2);

    public void Dispose()
    {
        _features.Dispose();
        _scope.Dispose();
    }

    [Fact]
    public void Batches_do_not_change_the_features()
    {
        var pixels = randn(5, 3, 8, 8);
        var ids = randint(0, 19, [5, 4], ScalarType.Int64);
        var mask = tensor(new long[] { 1, 1, 1, 0 }).expand(5, 4);
        Assert.True(_features.Model.Vision.Forward(pixels).ImageEmbeds!.allclose(_features.Images(pixels, normalize: false), atol: 1e-5));
        Assert.True(_features.Model.Text.Forward(ids, mask).TextEmbeds!.allclose(_features.Texts(ids, mask, normalize: false), atol: 1e-5));
    }

    [Fact]
    public void Features_have_length_one_and_need_no_gradient()
    {
        _features.Model.SetRequiresGrad(true);
        var images = _features.Images(randn(3, 3, 8, 8));
        var texts = _features.Texts(Ids(1, 2, 19));
        Assert.True(images.norm(1).allclose(ones(3)));
        Assert.True(texts.norm(1).allclose(ones(1)));
        Assert.False(images.requires_grad || texts.requires_grad);
        Assert.False(images[0].allclose(images[1]));
    }

    [Fact]
    public void Only_the_features_remain()
    {
        var pixels = randn(5, 3, 8, 8);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        _features.Images(pixels);
        Assert.Equal(before + 1, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void Wrong_input_is_refused()
    {
        Assert.Throws<ArgumentException>(() => _features.Images(zeros(0, 3, 8, 8)));
        Assert.Throws<ArgumentException>(() => _features.Texts(Ids(1, 2), ones(2, 2)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ClipFeatureExtractor(_features.Model, 0));
    }
}
