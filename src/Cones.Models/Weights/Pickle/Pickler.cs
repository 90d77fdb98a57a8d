using System.Buffers.Binary;
using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Weights.Pickle;

/// <summary>Writes objects as a pickle of protocol 2, opcode by opcode as Python's does, tensors as references to storages.</summary>
sealed class Pickler
{
    // Python sets this many items of a dictionary or list at once.
    const int BatchSize = 1000;

    readonly MemoryStream _out = new();
    readonly Dictionary<string, int> _memo = new(StringComparer.Ordinal);
    int _memoCount;

    /// <summary>The tensors in the order of their storages' keys 0, 1, ...</summary>
    public List<Tensor> Storages { get; } = [];

    public static (byte[] Pickle, IReadOnlyList<Tensor> Storages) Write(object? root)
    {
        var pickler = new Pickler();
        pickler.Bytes([0x80, 2]);
        pickler.Value(root);
        pickler.Code('.');
        return (pickler._out.ToArray(), pickler.Storages);
    }

    void Value(object? value)
    {
        switch (value)
        {
            case null: Code('N'); break;
            case bool flag: Flag(flag); break;
            case int number: Integer(number); break;
            case long number: Integer(number); break;
            case float number: Real(number); break;
            case double number: Real(number); break;
            case string text: Text(text); break;
            case Tensor tensor: Tensor(tensor); break;
            case IEnumerable<KeyValuePair<string, object?>> items: Dictionary(items); break;
            case IEnumerable<KeyValuePair<string, Tensor>> items: Dictionary(items.Select(i => KeyValuePair.Create(i.Key, (object?)i.Value))); break;
            case IEnumerable items: List(items); break;
            default: throw new NotSupportedException($"a {value.GetType().Name} cannot be written to a PyTorch file");
        }
    }

    void Dictionary(IEnumerable<KeyValuePair<string, object?>> items)
    {
        Code('}');
        Remember();
        foreach (var batch in items.Chunk(BatchSize))
        {
            if (batch.Length > 1) Code('(');
            foreach (var (key, value) in batch)
            {
                Text(key);
                Value(value);
            }

            Code(batch.Length > 1 ? 'u' : 's');
        }
    }

    void List(IEnumerable items)
    {
        Code(']');
        Remember();
        foreach (var batch in items.Cast<object?>().Chunk(BatchSize))
        {
            if (batch.Length > 1) Code('(');
            foreach (var value in batch) Value(value);
            Code(batch.Length > 1 ? 'e' : 'a');
        }
    }

    // torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, OrderedDict())
    void Tensor(Tensor tensor)
    {
        Name("torch._utils", "_rebuild_tensor_v2");
        Code('(');
        Storage(tensor);
        Integer(0);
        Tuple(tensor.shape);
        Tuple(RowMajor(tensor.shape));
        Flag(tensor.requires_grad);
        Name("collections", "OrderedDict");
        Code(')');
        Code('R');
        Remember();
        Code('t');
        Remember();
        Code('R');
        Remember();
    }

    void Storage(Tensor tensor)
    {
        Code('(');
        Text("storage");
        Name("torch", StorageClass(tensor.dtype));
        Text(Storages.Count.ToString(CultureInfo.InvariantCulture));
        Text("cpu");
        Integer(tensor.numel());
        Code('t');
        Remember();
        Code('Q');
        Storages.Add(tensor);
    }

    static string StorageClass(ScalarType type) => type switch
    {
        ScalarType.Float64 => "DoubleStorage",
        ScalarType.Float32 => "FloatStorage",
        ScalarType.Float16 => "HalfStorage",
        ScalarType.BFloat16 => "BFloat16Storage",
        ScalarType.Int64 => "LongStorage",
        ScalarType.Int32 => "IntStorage",
        ScalarType.Int16 => "ShortStorage",
        ScalarType.Int8 => "CharStorage",
        ScalarType.Byte => "ByteStorage",
        ScalarType.Bool => "BoolStorage",
        ScalarType.ComplexFloat32 => "ComplexFloatStorage",
        ScalarType.ComplexFloat64 => "ComplexDoubleStorage",
        _ => throw new NotSupportedException($"tensors of type {type} cannot be written"),
    };

    static long[] RowMajor(long[] shape)
    {
        var strides = new long[shape.Length];
        for (long d = shape.Length - 1, step = 1; d >= 0; step *= Math.Max(shape[d], 1), d--) strides[d] = step;
        return strides;
    }

    void Tuple(long[] values)
    {
        if (values.Length == 0)
        {
            Code(')');
            return;
        }

        if (values.Length > 3) Code('(');
        foreach (var value in values) Integer(value);
        Code(values.Length switch { 1 => '\x85', 2 => '\x86', 3 => '\x87', _ => 't' });
        Remember();
    }

    void Integer(long value)
    {
        switch (value)
        {
            case >= 0 and <= byte.MaxValue:
                Bytes([(byte)'K', (byte)value]);
                break;
            case >= 0 and <= ushort.MaxValue:
                Bytes([(byte)'M', (byte)value, (byte)(value >> 8)]);
                break;
            case >= int.MinValue and <= int.MaxValue:
                Span<byte> number = [(byte)'J', 0, 0, 0, 0];
                BinaryPrimitives.WriteInt32LittleEndian(number[1..], (int)value);
                Bytes(number);
                break;
            default:
                var bytes = new BigInteger(value).ToByteArray();
                Bytes([0x8a, (byte)bytes.Length, .. bytes]);
                break;
        }
    }

    void Real(double value)
    {
        Span<byte> number = stackalloc byte[9];
        number[0] = (byte)'G';
        BinaryPrimitives.WriteDoubleBigEndian(number[1..], value);
        Bytes(number);
    }

    void Flag(bool value) => Code(value ? '\x88' : '\x89');

    void Text(string text)
    {
        if (Recall(text)) return;
        var bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = [(byte)'X', 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32LittleEndian(length[1..], bytes.Length);
        Bytes(length);
        Bytes(bytes);
        Remember(text);
    }

    void Name(string module, string name)
    {
        var line = $"{module}\n{name}\n";
        if (Recall(line)) return;
        Code('c');
        Bytes(Encoding.ASCII.GetBytes(line));
        Remember(line);
    }

    bool Recall(string what)
    {
        if (!_memo.TryGetValue(what, out var index)) return false;
        Memo('h', 'j', index);
        return true;
    }

    void Remember(string? what = null)
    {
        if (what is not null) _memo[what] = _memoCount;
        Memo('q', 'r', _memoCount++);
    }

    void Memo(char small, char large, int index)
    {
        if (index <= byte.MaxValue)
        {
            Bytes([(byte)small, (byte)index]);
            return;
        }

        Span<byte> bytes = [(byte)large, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32LittleEndian(bytes[1..], index);
        Bytes(bytes);
    }

    void Code(char code) => _out.WriteByte((byte)code);

    void Bytes(ReadOnlySpan<byte> bytes) => _out.Write(bytes);
}
