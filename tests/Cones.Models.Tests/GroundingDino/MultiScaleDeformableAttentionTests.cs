using Cones.Models.GroundingDino.Encoder;
using Cones.Models.GroundingDino.Vision;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.GroundingDino;

public class MultiScaleDeformableAttentionTests
{
    [Theory]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void Half_precision_reads_at_the_right_place_of_a_large_map(ScalarType type)
    {
        using var scope = NewDisposeScope();
        const int dim = 16, width = 2100, height = 3;
        using var attention = new MultiScaleDeformableAttention(dim, heads: 2, levels: 1, points: 2);
        // No offsets, equal weights, values as they are: a query gets what lies at its reference.
        foreach (var (name, weight) in attention.NamedWeights())
            weight.Assign((name is "value_proj.weight" or "output_proj.weight" ? eye(dim) : zeros([.. weight.Shape])).to(type));
        random.manual_seed(5);
        var memory = randint(0, 2, [1, height * width, dim]).to(type).mul_(2).sub_(1); // -1 and 1
        var level = new FeatureLevel(height, width);
        var references = FeatureGrid.ReferencePoints([level], ones(1, 1, 2));
        var read = attention.Forward(randn([1, height * width, dim], type), memory, null, references, [level]);
        Assert.Equal(type, read.dtype);
        Assert.True((read - memory).abs().max().to(ScalarType.Float32).item<float>() < 0.01);
    }
}
