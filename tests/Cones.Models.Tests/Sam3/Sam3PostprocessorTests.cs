using Cones.Models.Imaging;
using Cones.Models.Sam3;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Sam3;

public sealed class Sam3PostprocessorTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void An_image_without_objects_has_empty_tensors_of_its_size()
    {
        var found = Sam3Postprocessor.Instances(Output(presence: -10), [new ImageSize(6, 9)]).Single();
        Assert.Equal([0], found.Scores.shape);
        Assert.Equal([0, 4], found.Boxes.shape);
        Assert.Equal([0, 6, 9], found.Masks.shape);
    }

    [Fact]
    public void Scores_are_products_and_boxes_are_in_pixels()
    {
        var found = Sam3Postprocessor.Instances(Output(presence: 0), [new ImageSize(6, 9)], threshold: 0.4).Single();
        Assert.Equal([1], found.Scores.shape);
        Assert.Equal(0.5 / (1 + Math.Exp(-5)), found.Scores.item<float>(), 5);
        Assert.Equal([0.9f, 1.2f, 8.1f, 5.4f], found.Boxes.data<float>().ToArray().Select(v => MathF.Round(v, 4)));
        Assert.True(found.Masks.all().item<bool>());
        Assert.Equal([6, 9], Sam3Postprocessor.Semantic(Output(presence: 0), [new ImageSize(6, 9)]).Single().shape);
    }

    [Fact]
    public void Every_image_needs_its_size()
    {
        Assert.Contains("2 sizes", Assert.Throws<ArgumentException>(
            () => Sam3Postprocessor.Instances(Output(0), [new ImageSize(1, 1), new ImageSize(1, 1)])).Message);
    }

    static Sam3Output Output(float presence)
    {
        var none = zeros(0);
        return new Sam3Output(
            cat([ones(1, 1, 2, 2), -ones(1, 1, 2, 2)], dim: 1),
            tensor(new float[] { 0.1f, 0.2f, 0.9f, 0.9f, 0, 0, 1, 1 }).view(1, 2, 4),
            tensor(new float[] { 5, -5 }).view(1, 2),
            full(1, 1, presence),
            zeros(1, 1, 2, 2),
            new Sam3LayerOutputs(none, none, none, none, none, none));
    }
}
