using Cones.Models.Layers;
using Cones.Models.Sam;
using Cones.Pretraining.Data;
using Cones.Pretraining.Recipes.Segmenter;
using Cones.Pretraining.Scenes;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Pretraining.Tests.Recipes.Segmenter;

/// <summary>What the segmenter learns from, and how its second stage begins.</summary>
public sealed class SegmenterBatchTests
{
    const int Side = 64;

    static readonly SceneGenerator s_generator = new(new SceneOptions(Side: Side, CrowdPart: 0.3, MicroscopyPart: 0.3));

    [Fact]
    public void Prompts_and_masks_are_of_the_same_objects()
    {
        using var scope = NewDisposeScope();
        var random = new CounterRandom(3);
        var batch = SegmenterBatch.Of(Enumerable.Range(0, 6).Select(i => s_generator.Draw(1, i)), 3, Side / 2, noise: 0, padded: 0, ref random);
        Assert.Equal([6, 3, Side, Side], new long[] { batch.Masks.shape[0], batch.Masks.shape[1], 2 * batch.Masks.shape[2], 2 * batch.Masks.shape[3] });
        for (var b = 0; b < 6; b++)
            for (var p = 0; p < 3; p++)
            {
                var box = batch.Boxes[b, p].data<float>().ToArray();
                var mask = batch.Masks[b, p];
                var inside = mask.narrow(0, (int)box[1] / 2, (int)((box[3] + 1) / 2) - ((int)box[1] / 2)).narrow(1, (int)box[0] / 2, (int)((box[2] + 1) / 2) - ((int)box[0] / 2)).sum().item<float>();
                Assert.InRange(inside / mask.sum().item<float>(), 0.9f, 1.0001f); // pale borders may lie outside
                Assert.True(At(mask, batch.Points[b, p, 0]) > 0.22f);
                Assert.True(At(mask, batch.Points[b, p, 1]) < 0.78f);
            }
    }

    [Fact]
    public void Padding_is_0_and_hides_no_object_that_is_asked_for()
    {
        using var scope = NewDisposeScope();
        var random = new CounterRandom(5);
        var batch = SegmenterBatch.Of(Enumerable.Range(0, 20).Select(i => s_generator.Draw(2, i)), 2, Side / 2, noise: 0, padded: 1, ref random);
        var padded = 0;
        for (var b = 0; b < batch.Pixels.shape[0]; b++)
        {
            var used = batch.Pixels[b].abs().sum([0]) > 0; // [H, W]
            var (width, height) = ((int)used.any(0).sum().item<long>(), (int)used.any(1).sum().item<long>());
            if (width < Side || height < Side) padded++;
            Assert.True(batch.Boxes[b].select(1, 2).max().item<float>() <= width && batch.Boxes[b].select(1, 3).max().item<float>() <= height);
        }

        Assert.True(padded > 10);
    }

    [Fact]
    public void A_mosaic_moves_objects_with_their_pixels()
    {
        var random = new CounterRandom(7);
        Scene[] parts = [.. Enumerable.Range(0, 4).Select(i => s_generator.Draw(3, i))];
        var mosaic = SceneMosaic.Join(parts, 8, ref random);
        Assert.Equal(2 * Side, mosaic.Picture.Width);
        Assert.Equal(parts[3].Picture.Pixels[0], mosaic.Picture.Pixels[(Side * 2 * Side) + Side]);
        Assert.InRange(mosaic.Objects.Count, 1, 8);
        foreach (var thing in mosaic.Objects)
        {
            var inside = Enumerable.Range(0, thing.Mask.Length).Where(i => thing.Mask[i] >= 0.5f).ToArray();
            Assert.Equal((thing.Box.Left, thing.Box.Top), (inside.Min(i => i % (2 * Side)), inside.Min(i => i / (2 * Side))));
        }

        Assert.Same(parts[0], SceneMosaic.Join(parts[..1], 8, ref random));
    }

    [Fact]
    public void Variations_keep_colours_in_their_range()
    {
        for (var i = 0; i < 30; i++)
        {
            var random = new CounterRandom((ulong)i);
            var scene = SceneVariation.Apply(s_generator.Draw(4, i), ref random);
            Assert.All(scene.Picture.Pixels, p => Assert.True(p[0] is >= 0 and <= 1 && p[1] is >= 0 and <= 1 && p[2] is >= 0 and <= 1));
        }
    }

    [Fact]
    public void A_larger_model_begins_with_the_weights_of_a_smaller_one()
    {
        using var small = new SamModel(SegmenterRecipe.Shape(side: 64, width: 32, layers: 2, channels: 32));
        using var large = new SamModel(SegmenterRecipe.Shape(side: 128, width: 32, layers: 2, channels: 32));
        RandomWeights.Fill(small, 1);
        SegmenterGrowth.Copy(small, large);
        using var scope = NewDisposeScope();
        var (from, to) = (small.NamedWeights().ToDictionary(w => w.Key, w => w.Value.Value), large.NamedWeights().ToDictionary(w => w.Key, w => w.Value.Value));
        Assert.Equal(from.Keys, to.Keys);
        Assert.True(from["mask_decoder.iou_token.weight"].equal(to["mask_decoder.iou_token.weight"]).all().item<bool>());
        Assert.Equal([1, 16, 16, 32], to["vision_encoder.pos_embed"].shape);
        // The distance 0 stays in the middle, the farthest at the ends.
        var (near, far) = (from["vision_encoder.layers.1.attn.rel_pos_h"], to["vision_encoder.layers.1.attn.rel_pos_h"]);
        Assert.Equal([31, near.shape[1]], far.shape);
        foreach (var (a, b) in ((int, int)[])[(7, 15), (0, 0), (14, 30)]) Assert.True((near[a] - far[b]).abs().max().item<float>() < 1e-5);
    }

    static float At(Tensor mask, Tensor point) => mask[(int)point[1].item<float>() / 2, (int)point[0].item<float>() / 2].item<float>();
}
