using Cones.Prompts;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Tests.Prompts;

public sealed class SlotAssemblyTests
{
    static Tensor Encodings() => arange(2 * 5 * 3, dtype: ScalarType.Float32).reshape(2, 5, 3);

    static Tensor Slots() => tensor(new long[] { 1, 3, 2, 4 }).reshape(2, 2);

    [Fact]
    public void Overwrite_replaces_the_slots_of_each_row_and_nothing_else()
    {
        using var scope = NewDisposeScope();
        var vectors = full(2, 3, -1f) * tensor(new float[] { 1, 2 }).unsqueeze(1);
        var result = SlotAssembly.Apply(SlotRule.Overwrite, Encodings(), Slots(), vectors);
        Assert.Equal(-1, result[0, 1, 0].item<float>());
        Assert.Equal(-2, result[0, 3, 2].item<float>());
        Assert.Equal(-1, result[1, 2, 0].item<float>());
        Assert.Equal(-2, result[1, 4, 1].item<float>());
        Assert.Equal(Encodings()[1, 3, 1].item<float>(), result[1, 3, 1].item<float>());
    }

    [Theory]
    [InlineData(SlotRule.Residual, 2)]
    [InlineData(SlotRule.Delta, 1)]
    [InlineData(SlotRule.DeltaPerSlot, 4)]
    public void Additive_rules_change_nothing_at_zero(SlotRule rule, int count)
    {
        using var scope = NewDisposeScope();
        var result = SlotAssembly.Apply(rule, Encodings(), Slots(), zeros(count, 3));
        Assert.True(result.allclose(Encodings()));
    }

    [Theory]
    [InlineData(SlotRule.Delta, 1)]
    [InlineData(SlotRule.DeltaPerSlot, 4)]
    [InlineData(SlotRule.Tail, 2)]
    [InlineData(SlotRule.Full, 4)]
    [InlineData(SlotRule.Overwrite, 2)]
    [InlineData(SlotRule.Residual, 2)]
    public void The_start_slot_is_never_touched(SlotRule rule, int count)
    {
        using var scope = NewDisposeScope();
        var result = SlotAssembly.Apply(rule, Encodings(), Slots(), full(count, 3, 100f));
        Assert.True(result.select(1, 0).allclose(Encodings().select(1, 0)));
    }

    [Fact]
    public void The_gradient_of_a_shared_vector_sums_over_rows_and_slots()
    {
        using var scope = NewDisposeScope();
        var delta = zeros(1, 3).requires_grad_();
        SlotAssembly.Apply(SlotRule.Delta, Encodings(), null, delta).sum().backward();
        Assert.All(delta.grad!.data<float>().ToArray(), g => Assert.Equal(2 * 4, g));
    }

    [Fact]
    public void Wrong_numbers_of_vectors_are_refused_with_the_numbers()
    {
        using var scope = NewDisposeScope();
        var error = Assert.Throws<ArgumentException>(() => SlotAssembly.Apply(SlotRule.Full, Encodings(), null, zeros(3, 3)));
        Assert.Contains("3 vectors given, 4 expected", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => SlotAssembly.Apply(SlotRule.Overwrite, Encodings(), Slots(), zeros(2, 4)));
        Assert.Throws<ArgumentException>(() => SlotAssembly.Apply(SlotRule.Overwrite, Encodings(), null, zeros(2, 3)));
    }

    [Fact]
    public void Every_rule_has_a_name_that_finds_it()
    {
        foreach (var rule in Enum.GetValues<SlotRule>()) Assert.Equal(rule, SlotRules.Find(SlotRules.NameOf(rule)));
        Assert.Null(SlotRules.Find("nowhere"));
    }
}
