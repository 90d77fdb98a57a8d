using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Layers;

/// <summary>
/// One named weight of a model: a shape that the configuration fixes, and the tensor that a checkpoint brings.
/// </summary>
/// <remarks>
/// A model is built without memory for its weights; loading assigns the checkpoint's tensors as they are. That is what
/// the meta device does in PyTorch.
/// </remarks>
public sealed class Weight : IDisposable
{
    Tensor? _value;
    Dictionary<string, Tensor>? _derived;

    /// <summary>A weight without a value.</summary>
    /// <param name="shape">The shape; empty for a scalar.</param>
    public Weight(params ReadOnlySpan<long> shape) => Shape = shape.ToArray();

    /// <summary>The shape that <see cref="Assign"/> demands.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Whether the values stay float32 where the model's type is half precision: constants that a rounding would move far.</summary>
    public bool KeepsSinglePrecision { get; init; }

    /// <summary>The number of elements.</summary>
    public long Count => Shape.Aggregate(1L, (a, b) => a * b);

    /// <summary>Counts changes, for what is derived from several weights.</summary>
    internal int Version { get; private set; }

    /// <summary>Whether a tensor has been assigned.</summary>
    public bool IsLoaded => _value is not null;

    /// <summary>The tensor.</summary>
    /// <exception cref="InvalidOperationException">Nothing has been assigned yet.</exception>
    public Tensor Value => _value ?? throw new InvalidOperationException("the weight has no value yet: load a checkpoint first");

    /// <summary>Takes over <paramref name="value"/>; an earlier value is disposed.</summary>
    /// <param name="value">A tensor of exactly <see cref="Shape"/>; owned by this weight from now on.</param>
    /// <exception cref="ArgumentException">The shape differs.</exception>
    public void Assign(Tensor value)
    {
        if (!value.shape.AsSpan().SequenceEqual(Shape.ToArray()))
            throw new ArgumentException($"shape [{string.Join(",", value.shape)}] given, [{string.Join(",", Shape)}] expected", nameof(value));
        if (ReferenceEquals(value, _value)) return;
        MarkChanged();
        _value?.Dispose();
        _value = value.DetachFromDisposeScope();
    }

    /// <summary>
    /// Says that the values were changed in place while the weight was frozen (<see cref="Assign"/> and
    /// <see cref="Module.SetRequiresGrad"/> say it themselves): what layers have derived from them is made anew.
    /// </summary>
    public void MarkChanged()
    {
        Version++;
        foreach (var derived in _derived?.Values ?? Enumerable.Empty<Tensor>()) derived.Dispose();
        _derived = null;
    }

    /// <summary>Another form of the values, made at the first call and kept; of frozen weights only.</summary>
    internal Tensor Derived(string form, Func<Tensor, Tensor> make)
    {
        _derived ??= [];
        if (!_derived.TryGetValue(form, out var derived)) _derived[form] = derived = make(Value).DetachFromDisposeScope();
        return derived;
    }

    /// <summary>The type that the values have in a model of a type.</summary>
    internal ScalarType TypeIn(ScalarType model) => KeepsSinglePrecision && SinglePrecision.IsHalf(model) ? ScalarType.Float32 : model;

    /// <summary>Frees the tensor.</summary>
    public void Dispose()
    {
        MarkChanged();
        _value?.Dispose();
        _value = null;
    }
}
