using Cones.Models.Swin;

namespace Cones.Models.Tests.Swin;

public sealed class SwinConfigTests : IDisposable
{
    readonly string _path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.json");

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData("""{ "out_features": ["stage2", "stage4"] }""", new[] { 2, 4 })]
    [InlineData("""{ "out_features": ["stem"], "out_indices": [1] }""", new[] { 0 })]
    [InlineData("""{ "out_indices": [2, -1] }""", new[] { 2, 4 })]
    [InlineData("{}", new[] { 4 })]
    [InlineData("""{ "depths": [1, 1], "num_heads": [1, 2] }""", new[] { 2 })]
    public void The_stages_given_out_are_named_or_counted(string json, int[] stages) => Assert.Equal(stages, Read(json).OutStages);

    [Fact]
    public void Absent_keys_take_the_defaults_of_the_reference()
    {
        var config = Read("{}");
        Assert.Equal((3, 4, 96, 7, 4.0, true, "gelu", 1e-5), (config.NumChannels, config.PatchSize, config.EmbedDim, config.WindowSize, config.MlpRatio, config.QkvBias, config.HiddenAct, config.LayerNormEps));
        Assert.Equal([2, 2, 6, 2], config.Depths);
        Assert.Equal([3, 6, 12, 24], config.NumHeads);
    }

    [Fact]
    public void Widths_and_strides_double_from_the_second_stage_on()
    {
        var config = new SwinConfig();
        Assert.Equal([96, 96, 192, 384, 768], Enumerable.Range(0, 5).Select(config.WidthOf));
        Assert.Equal([4, 4, 8, 16, 32], Enumerable.Range(0, 5).Select(config.StrideOf));
    }

    [Theory]
    [InlineData("""{ "num_heads": [3, 5, 12, 24] }""", "stage 2 is 192 wide, which is not a multiple of its 5 heads")]
    [InlineData("""{ "depths": [2, 2] }""", "num_heads has 4 entries, depths has 2")]
    [InlineData("""{ "depths": [] , "num_heads": [] }""", "the number of depths is 0")]
    [InlineData("""{ "window_size": 0 }""", "window_size is 0")]
    [InlineData("""{ "mlp_ratio": 0 }""", "mlp_ratio is 0")]
    [InlineData("""{ "out_features": ["stage5"] }""", "stage5")]
    [InlineData("""{ "out_indices": [5] }""", "[5]")]
    [InlineData("""{ "hidden_act": "swoosh" }""", "swoosh")]
    [InlineData("""{ "use_absolute_embeddings": true }""", "use_absolute_embeddings")]
    [InlineData("""{ "model_type": "swinv2" }""", "swinv2")]
    [InlineData("[1]", "JSON object")]
    public void What_cannot_be_built_is_refused_with_the_file_and_the_reason(string json, string reason)
    {
        var message = Assert.Throws<ConesException>(() => Read(json)).Message;
        Assert.Contains(_path, message);
        Assert.Contains(reason, message);
    }

    SwinConfig Read(string json)
    {
        File.WriteAllText(_path, json);
        return SwinConfig.FromFile(_path);
    }
}
