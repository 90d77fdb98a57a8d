using Cones.Models.Layers;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Weights;

public sealed class ModelLoaderTests : WeightsFixture
{
    [Fact]
    public void Weights_become_float32_whatever_the_file_holds()
    {
        using var model = new TwoWeights();
        var path = Write(("a", Counting(2).to(ScalarType.Float16)), ("b", Counting(3).to(ScalarType.BFloat16)));
        using var file = Checkpoint.Open(path);
        ModelLoader.Load(model, file);
        Assert.Equal(ScalarType.Float32, model.A.Value.dtype);
        Assert.Equal([0f, 1, 2], model.B.Value.data<float>());
    }

    [Fact]
    public void Loading_keeps_the_weights_and_nothing_else()
    {
        using var model = new TwoWeights();
        var path = Write(("a", Counting(2).to(ScalarType.Float16)), ("b", Counting(3)));
        using var file = Checkpoint.Open(path);
        var before = Tensor.TotalCount;
        ModelLoader.Load(model, file);
        Assert.Equal(before + 2, Tensor.TotalCount);
        ModelLoader.Load(model, file);
        Assert.Equal(before + 2, Tensor.TotalCount);
    }

    [Fact]
    public void Everything_that_does_not_fit_is_in_one_message()
    {
        using var model = new TwoWeights();
        using var file = Checkpoint.Open(Write(("a", Counting(3)), ("c", Counting(1)), ("d", Counting(1))));
        var message = Message(() => ModelLoader.Load(model, file));
        Assert.Contains("1 missing: b [3]", message, StringComparison.Ordinal);
        Assert.Contains("2 unexpected: c; d", message, StringComparison.Ordinal);
        Assert.Contains("1 of another shape: a: [3] in the file, [2] in the model", message, StringComparison.Ordinal);
        Assert.False(model.A.IsLoaded);
    }

    [Fact]
    public void Integers_are_no_weights()
    {
        using var model = new TwoWeights();
        using var file = Checkpoint.Open(Write(("a", tensor(new[] { 1L, 2L })), ("b", Counting(3))));
        Assert.Contains("1 not of a floating-point type: a: I64", Message(() => ModelLoader.Load(model, file)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void Numbers_that_are_none_are_refused(float value)
    {
        using var model = new TwoWeights();
        using var file = Checkpoint.Open(Write(("a", tensor(new[] { 1f, value })), ("b", Counting(3))));
        Assert.Contains("'a' holds NaN or infinity as Float32", Message(() => ModelLoader.Load(model, file)), StringComparison.Ordinal);
    }

    [Fact]
    public void Numbers_too_large_for_the_wanted_type_are_refused()
    {
        using var model = new TwoWeights();
        using var file = Checkpoint.Open(Write(("a", tensor(new[] { 1f, 1e6f })), ("b", Counting(3))));
        Assert.Contains("as Float16", Message(() => ModelLoader.Load(model, file, new LoadOptions { Type = ScalarType.Float16 })), StringComparison.Ordinal);
        ModelLoader.Load(model, file, new LoadOptions { Type = ScalarType.BFloat16 });
        Assert.Equal(ScalarType.BFloat16, model.A.Value.dtype);
    }

    [Fact]
    public void Keys_can_be_renamed_and_ignored()
    {
        using var model = new TwoWeights();
        using var file = Checkpoint.Open(Write(("m.a", Counting(2)), ("m.b", Counting(3)), ("x.position_ids", tensor(new[] { 0L })), ("x.mask", Counting(1))));
        ModelLoader.Load(model, file, new LoadOptions
        {
            Ignore = ["*.position_ids"],
            Rename = key => key == "x.mask" ? null : key["m.".Length..],
        });
        Assert.True(model.B.IsLoaded);
    }

    [Fact]
    public void Two_keys_for_one_weight_are_refused()
    {
        using var model = new TwoWeights();
        using var file = Checkpoint.Open(Write(("a", Counting(2)), ("b", Counting(3)), ("old.a", Counting(2))));
        Assert.Contains("1 ambiguous: a from a and old.a", Message(() => ModelLoader.Load(model, file, new LoadOptions { Rename = k => k.Replace("old.", "", StringComparison.Ordinal) })), StringComparison.Ordinal);
    }

    string Write(params (string Key, Tensor Value)[] tensors)
    {
        var path = PathOf("model.safetensors");
        SafetensorsWriter.Write(path, tensors.ToDictionary(t => t.Key, t => t.Value));
        return path;
    }

    internal sealed class TwoWeights : Module
    {
        public TwoWeights()
        {
            A = AddWeight("a", 2);
            B = AddWeight("b", 3);
        }

        public Weight A { get; }

        public Weight B { get; }
    }
}
