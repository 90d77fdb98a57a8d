using Cones.Models.GroundingDino.Text;
using TorchSharp;
using static Cones.Models.Tests.GroundingDino.GroundingDinoTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.GroundingDino;

public sealed class TextMasksTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    // The full stop closes each block; [CLS] and [SEP] are alone.
    [InlineData(new long[] { 101, 7, 1012, 8, 9, 1029, 102 }, new long[] { 0, 0, 1, 0, 1, 2, 0 }, new[] { 0, 1, 1, 2, 2, 2, 3 })]
    // Without a final full stop the last phrase is none, where [SEP] is the last column...
    [InlineData(new long[] { 101, 7, 1012, 8, 9, 102 }, new long[] { 0, 0, 1, 0, 0, 0 }, new[] { 0, 1, 1, 2, 3, 4 })]
    // ...but not where padding follows.
    [InlineData(new long[] { 101, 7, 1012, 8, 9, 102, 0 }, new long[] { 0, 0, 1, 0, 1, 2, 0 }, new[] { 0, 1, 1, 2, 2, 2, 3 })]
    [InlineData(new long[] { 5 }, new long[] { 0 }, new[] { 0 })]
    public void Blocks_of_ids(long[] ids, long[] positions, int[] blocks)
    {
        var masks = TextMasks.FromIds(tensor(ids).unsqueeze(0));
        Assert.Equal(positions, masks.PositionIds[0].data<long>().ToArray());
        var owners = tensor(blocks);
        Assert.True(masks.SelfAttention[0].eq(owners.unsqueeze(1).eq(owners.unsqueeze(0))).all().item<bool>());
        Assert.True(masks.Tokens.all().item<bool>());
    }

    [Fact]
    public void Rows_do_not_depend_on_each_other()
    {
        var (ids, mask) = Captions();
        var both = TextMasks.FromIds(ids, mask);
        var second = TextMasks.FromIds(ids[1..], mask[1..]);
        Assert.True(both.SelfAttention[1..].eq(second.SelfAttention).all().item<bool>());
        Assert.True(both.PositionIds[1..].eq(second.PositionIds).all().item<bool>());
        Assert.Equal(mask[1].ne(0).data<bool>().ToArray(), both.Tokens[1].data<bool>().ToArray());
    }

    [Fact]
    public void Free_phrases_are_blocks()
    {
        var masks = TextMasks.OfPhrases([2, 1, 3], batch: 2);
        Assert.Equal([2, 6], masks.Tokens.shape);
        Assert.Equal([0L, 1, 0, 0, 1, 2], masks.PositionIds[1].contiguous().data<long>().ToArray());
        Assert.Equal(4 + 1 + 9, masks.SelfAttention[0].sum().item<long>());
        Throws<ArgumentException>(() => TextMasks.OfPhrases([]), "[]");
        Throws<ArgumentException>(() => TextMasks.OfPhrases([2, 0]), "[2,0]");
    }

    [Fact]
    public void Shapes_that_disagree_are_refused()
    {
        Throws<ArgumentException>(() => TextMasks.From(ones(1, 3), ones(1, 3, 4), ones(1, 3)), "[1,3,4]", "[1,3,3]");
        Throws<ArgumentException>(() => TextMasks.From(ones(1, 3), ones(1, 3, 3), ones(2, 3)), "[2,3]", "[1,3]");
        Throws<ArgumentException>(() => TextMasks.FromIds(zeros(3, ScalarType.Int64)), "[3]");
        Throws<ArgumentException>(() => TextMasks.FromIds(zeros(1, 3, ScalarType.Int64), ones(1, 2)), "[1,2]", "[1,3]");
    }

    [Fact]
    public void No_tensor_is_left_behind()
    {
        var (ids, mask) = Captions();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (TextMasks.FromIds(ids, mask)) Assert.Equal(before + 3, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        using (TextMasks.From(mask, ones_like(mask.unsqueeze(1).expand(2, 7, 7)), ids))
        {
        }

        using (TextMasks.OfPhrases([3, 4], 2)) Assert.True(DisposeScopeManager.Statistics.ThreadTotalLiveCount > before);
    }
}
