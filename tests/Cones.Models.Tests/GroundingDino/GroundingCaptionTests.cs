using Cones.Models.GroundingDino.Text;
using Cones.Models.Tokenizers;
using TorchSharp;
using static Cones.Models.Tests.Bert.BertTestModels;
using static Cones.Models.Tests.GroundingDino.GroundingDinoTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.GroundingDino;

public sealed class GroundingCaptionTests : IDisposable
{
    static readonly BertTokenizer s_tokenizer = BertTokenizer.FromFolder(Golden("grounding-dino/tokenizer"));

    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void Names_become_a_caption_with_their_tokens()
    {
        var caption = GroundingCaption.FromNames(["cat", "remote control"], s_tokenizer);
        Assert.Equal("cat. remote control. ", caption.Text);
        Assert.Equal([[1], [3, 4]], caption.ClassSlots);
        Assert.Equal([2, 256], caption.PositiveMap(256).shape);
        Assert.Equal(3, caption.PositiveMap(7).sum().item<long>());
        Assert.Equal(0.5f, caption.NormalizedPositiveMap(7)[1, 4].item<float>(), 1e-5f);
        Assert.Equal([[[1], [3, 4]]], LabelMaps.FromIds(tensor(caption.Tokens.Ids.Select(i => (long)i).ToArray()).unsqueeze(0)));
    }

    [Fact]
    public void Names_that_cannot_be_found_again_are_refused()
    {
        Throws<ConesException>(() => GroundingCaption.FromNames([], s_tokenizer), "no class names");
        Throws<ConesException>(() => GroundingCaption.FromNames(["cat", ""], s_tokenizer), "''");
        Throws<ConesException>(() => GroundingCaption.FromNames(["cat", "  ", "cat"], s_tokenizer), "'  '");
        Throws<ConesException>(() => GroundingCaption.FromNames([.. Enumerable.Repeat("cat", 10)], s_tokenizer, 20), "10 class names", "22 tokens", "20");
        Throws<ArgumentException>(() => GroundingCaption.FromNames(["cat"], s_tokenizer).PositiveMap(1), "slot 1", "1 columns");
    }

    [Theory]
    [InlineData("traffic_light", "traffic light")]
    [InlineData("apple_(fruit)", "apple ")]
    [InlineData("a  b", "a b")]
    public void Cleaned(string name, string expected) => Assert.Equal(expected, GroundingCaption.Clean(name));

    [Fact]
    public void Joined_as_the_processor_does() => Assert.Equal("a cat. dog.", GroundingCaption.Join(["A cat", " dog "]));

    [Fact]
    public void Tokens_before_a_delimiter_and_padding_belong_to_no_phrase()
    {
        Assert.Equal([[[1], [3]]], LabelMaps.FromIds(tensor(new long[] { 101, 5, 1029, 6, 0, 0 }).unsqueeze(0)));
        Assert.Equal([[[3, 4]]], LabelMaps.FromIds(tensor(new long[] { 5, 6, 1012, 7, 8 }).unsqueeze(0)));
        Assert.Equal([[]], LabelMaps.FromIds(tensor(new long[] { 5, 6 }).unsqueeze(0)));
    }
}
