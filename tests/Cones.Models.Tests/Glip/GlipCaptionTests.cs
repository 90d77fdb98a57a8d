using Cones.Models.Glip.Text;
using Cones.Models.Tokenizers;
using TorchSharp;
using static Cones.Models.Tests.Glip.GlipTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Glip;

public sealed class GlipCaptionTests
{
    static readonly BertTokenizer s_tokenizer = BertTokenizer.FromFolder(FusedFolder);

    [Fact]
    public void A_class_that_is_cut_off_has_no_tokens()
    {
        // [CLS] cat . remote control . person [SEP]: six slots hold the first class and half of the second.
        var tokens = GlipCaption.FromClasses(["cat", "remote control", "person"]).Tokenize(s_tokenizer, maxTokens: 5);
        Assert.Equal(5, tokens.Text.Ids.Count);
        Assert.Equal([1], tokens.Classes[0]);
        Assert.Empty(tokens.Classes[1]);
        Assert.Empty(tokens.Classes[2]);
        Assert.Equal("control. person", tokens.Text.Truncated);
    }

    [Fact]
    public void Padding_changes_no_class()
    {
        var caption = GlipCaption.FromClasses(["cat", "toothbrush"]);
        var plain = caption.Tokenize(s_tokenizer);
        var padded = caption.Tokenize(s_tokenizer, 20, TokenPadding.MaxLength);
        Assert.Equal(20, padded.Text.Ids.Count);
        Assert.Equal(plain.Classes, padded.Classes);
    }

    [Fact]
    public void A_class_may_stand_in_several_places()
    {
        var caption = new GlipCaption("cat. dog. cat", [[new TextSpan(0, 3), new TextSpan(10, 13)], [new TextSpan(5, 8)]]);
        Assert.Equal([[1, 5], [3]], caption.Tokenize(s_tokenizer).Classes);
    }

    [Fact]
    public void The_positive_map_has_a_row_for_each_box()
    {
        using var scope = NewDisposeScope();
        var tokens = GlipCaption.FromClasses(["cat", "toothbrush"]).Tokenize(s_tokenizer); // [CLS] cat . tooth ##brush [SEP]
        var map = tokens.PositiveMap([2, 1, 2], tokens: 7);
        Assert.Equal([3, 7], map.shape);
        Assert.Equal([0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0], map.data<float>().ToArray());
        Assert.Contains("label 3", Assert.Throws<ArgumentException>(() => tokens.PositiveMap([3])).Message);
        Assert.Contains("token 3, there are only 3", Assert.Throws<ArgumentException>(() => tokens.PositiveMap([2], tokens: 3)).Message);
    }
}
