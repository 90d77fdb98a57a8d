using Cones.Models.StableDiffusion.Vae;
using Cones.Models.Weights;
using Cones.Pretraining.Recipes.Vae;
using Cones.Pretraining.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Tests.Recipes;

public sealed class LatentWhiteningTests
{
    [Fact]
    public void Folding_keeps_the_pictures_and_whitens_the_latents()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var config = new AutoencoderKLConfig { LatentChannels = 4, BlockOutChannels = [8, 16], NormNumGroups = 4, ScalingFactor = 1 };
        using var vae = new AutoencoderKL(config);
        Initialization.Fill(vae, 5, "test");
        using var generator = new Generator(1);
        var pixels = randn([8, 3, 16, 16], generator: generator);
        var before = vae.Encode(pixels);
        var picture = vae.Decode(before.Mean);

        var weights = ModelWriter.Weights(vae);
        LatentWhitening.Measure(vae, pixels).Fold(weights);
        foreach (var (name, weight) in vae.NamedWeights()) weight.Assign(weights[name].alias());

        var after = vae.Encode(pixels);
        Assert.True(vae.Decode(after.Mean).allclose(picture, 1e-3, 1e-4));
        Assert.True(after.Mean.mean([0, 2, 3]).abs().max().item<float>() < 1e-4);
        Assert.True((after.Mean.transpose(0, 1).flatten(1).std(1) - 1).abs().max().item<float>() < 1e-3);
        // The noise shrinks with the means.
        var ratio = before.StandardDeviation() / after.StandardDeviation();
        Assert.True(ratio.std([0, 2, 3]).max().item<float>() < 1e-3);
    }
}
