namespace Cones.Models.Weights.Pickle;

/// <summary>
/// Reads the pickles of <c>torch.save</c>, protocols 2 to 5. It is a stack machine that can build plain objects and tensors
/// and nothing else: a name outside <see cref="TorchName.Allowed"/> is refused where it is mentioned.
/// </summary>
/// <remarks>
/// Memory and time are proportional to the number of opcodes, which is limited; nothing here recurses; containers that a
/// file shares are shared here.
/// </remarks>
sealed class Unpickler
{
    // A checkpoint with optimizer states has some 10^5.
    const int MostOperations = 4_000_000;

    // Python numbers its memo in sequence, from 0 or 1.
    const int LargestMemoGap = 16;

    readonly string _path;
    readonly ITorchStorages? _storages;
    readonly List<object?> _stack = [];
    readonly List<int> _marks = [];
    readonly List<object?> _memo = [];
    int _operations;

    Unpickler(string path, ITorchStorages? storages)
    {
        _path = path;
        _storages = storages;
    }

    /// <summary>Reads one pickle.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="data">The bytes; more may follow.</param>
    /// <param name="position">Where it starts; afterwards, where it ended.</param>
    /// <param name="storages">The storages that it may refer to, or null if none.</param>
    /// <exception cref="InvalidDataException">The message says what is wrong.</exception>
    public static object? Load(string path, ReadOnlySpan<byte> data, ref int position, ITorchStorages? storages)
    {
        var reader = new PickleReader(data, position);
        var result = new Unpickler(path, storages).Run(ref reader);
        position = reader.Position;
        return result;
    }

    object? Run(ref PickleReader reader)
    {
        if (reader.Byte() != 0x80 || reader.Byte() is not (>= 2 and <= 5)) throw new InvalidDataException("it is no pickle of protocol 2 to 5");
        while (true)
        {
            Charge(1);
            var code = reader.Byte();
            if (code == (byte)'.') return Pop();
            Step(code, ref reader);
        }
    }

    void Charge(int operations)
    {
        _operations += operations;
        if (_operations > MostOperations) throw new InvalidDataException($"it needs more than {MostOperations} operations, as no file of weights does");
    }

    void Step(byte code, ref PickleReader reader)
    {
        switch ((char)code)
        {
            // Values
            case 'N': Push(null); break;
            case '\x88': Push(true); break;
            case '\x89': Push(false); break;
            case 'K': Push((long)reader.Byte()); break;
            case 'M': Push((long)reader.UInt16()); break;
            case 'J': Push((long)reader.Int32()); break;
            case '\x8a': Push(reader.Integer(reader.Byte())); break;
            case '\x8b': Push(reader.Integer(reader.Int32())); break;
            case 'G': Push(reader.Double()); break;
            case 'X': Push(reader.Text(reader.UInt32())); break;
            case '\x8c': Push(reader.Text(reader.Byte())); break;
            case '\x8d': Push(reader.Text(reader.UInt64())); break;
            case 'U': Push(reader.Text(reader.Byte())); break;
            case 'T': Push(reader.Text(reader.UInt32())); break;
            case 'C': Push(reader.Take(reader.Byte()).ToArray()); break;
            case 'B': Push(reader.Take(reader.UInt32()).ToArray()); break;
            case '\x8e' or '\x96': Push(reader.Take(reader.UInt64()).ToArray()); break;

            // Containers
            case '(': _marks.Add(_stack.Count); break;
            case ')': Push(Array.Empty<object?>()); break;
            case 't': Push(PopToMark()); break;
            case '\x85': Push(PopMany(1)); break;
            case '\x86': Push(PopMany(2)); break;
            case '\x87': Push(PopMany(3)); break;
            case ']' or '\x8f': Push(new List<object?>()); break;
            case 'l': Push(new List<object?>(PopToMark())); break;
            case '\x91': Push(new List<object?>(PopToMark())); break;
            case '}': Push(new TorchDictionary("dict")); break;
            case 'd': SetItems(PopToMark(), new TorchDictionary("dict"), push: true); break;
            case 'a': SetAppend(PopMany(1)); break;
            case 'e' or '\x90': SetAppend(PopToMark()); break;
            case 's': SetItems(PopMany(2), Top<TorchDictionary>("dictionary"), push: false); break;
            case 'u': SetItems(PopToMark(), Top<TorchDictionary>("dictionary"), push: false); break;

            // Stack and memo
            case '0': Discard(); break;
            case '1': PopToMark(); break;
            case '2': Push(Peek()); break;
            case 'h': Push(Remembered(reader.Byte())); break;
            case 'j': Push(Remembered(reader.UInt32())); break;
            case 'q': Remember(reader.Byte()); break;
            case 'r': Remember(reader.UInt32()); break;
            case '\x94': Remember((uint)_memo.Count); break;
            case '\x95': CheckFrame(reader); reader.UInt64(); break;

            // Names, calls, storages
            case 'c': Push(Name(reader.Line(), reader.Line())); break;
            case '\x93': PushStackName(); break;
            case 'R' or '\x81': Call(); break;
            case 'b': Build(); break;
            case 'Q': Push(Storage(Pop())); break;
            case 'i': throw Forbidden(reader.Line(), reader.Line());
            default: throw new InvalidDataException($"opcode 0x{code:x2} at byte {reader.Position - 1} does not occur in files of weights");
        }
    }

    void Push(object? value) => _stack.Add(value);

    object? Peek() => _stack.Count > Floor ? _stack[^1] : throw new InvalidDataException("it takes more objects from the stack than it put there");

    // Objects below the last mark belong to an unfinished container.
    int Floor => _marks.Count > 0 ? _marks[^1] : 0;

    object? Pop()
    {
        var value = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    void Discard()
    {
        if (_marks.Count > 0 && _marks[^1] == _stack.Count) _marks.RemoveAt(_marks.Count - 1);
        else Pop();
    }

    object?[] PopMany(int count)
    {
        if (_stack.Count - Floor < count) throw new InvalidDataException("it takes more objects from the stack than it put there");
        var items = _stack.GetRange(_stack.Count - count, count).ToArray();
        _stack.RemoveRange(_stack.Count - count, count);
        return items;
    }

    object?[] PopToMark()
    {
        if (_marks.Count == 0) throw new InvalidDataException("it closes a container that it did not open");
        var items = PopMany(_stack.Count - _marks[^1]);
        _marks.RemoveAt(_marks.Count - 1);
        return items;
    }

    T Top<T>(string what)
        where T : class => Peek() as T ?? throw new InvalidDataException($"it adds items to what is no {what}");

    void SetAppend(object?[] items) => Top<List<object?>>("list").AddRange(items);

    void SetItems(object?[] items, TorchDictionary target, bool push)
    {
        if (items.Length % 2 != 0) throw new InvalidDataException("a dictionary has a key without a value");
        for (var i = 0; i < items.Length; i += 2) target.Set(items[i], items[i + 1]);
        if (push) Push(target);
    }

    void Remember(uint index)
    {
        if (index > _memo.Count + LargestMemoGap) throw new InvalidDataException($"memo {index} follows {_memo.Count} others");
        while (_memo.Count <= index) _memo.Add(null);
        _memo[(int)index] = Peek();
    }

    object? Remembered(uint index) =>
        index < _memo.Count ? _memo[(int)index] : throw new InvalidDataException($"it recalls memo {index}, which it never kept");

    static void CheckFrame(PickleReader ahead) => ahead.Take(ahead.UInt64());

    static TorchName Name(string module, string name) =>
        TorchName.Allowed.TryGetValue($"{module}.{name}", out var found) ? found : throw Forbidden(module, name);

    static InvalidDataException Forbidden(string module, string name) => new(
        $"it uses the Python name '{module}.{name}', which a file of weights does not need and which may run code; use a safetensors version of the file");

    void PushStackName()
    {
        if (PopMany(2) is not [string module, string name]) throw new InvalidDataException("it mentions a name that is no text");
        Push(Name(module, name));
    }

    void Call()
    {
        if (PopMany(2) is not [TorchName name, object?[] arguments]) throw new InvalidDataException("it calls what is no function");
        Push(PickleCalls.Call(_path, name, arguments, Charge));
    }

    // An OrderedDict's state is the versions of its modules. A ParameterDict's state holds its items.
    void Build()
    {
        var state = Pop();
        var target = Top<TorchDictionary>("known object");
        if (target.ClassName == "collections.OrderedDict" && state is TorchDictionary) return;
        if (target.ClassName != "torch.nn.modules.container.ParameterDict" || state is not TorchDictionary attributes)
            throw new InvalidDataException($"it sets the state of a {target.ClassName}");
        if (!attributes.TryGet<TorchDictionary>("_parameters", out var parameters)) throw new InvalidDataException("a ParameterDict has no _parameters");
        target.TakeItems(parameters);
    }

    TorchStorage Storage(object? id)
    {
        // ("storage", class, key, location, number of elements [, view of another storage])
        if (_storages is null || id is not object?[] { Length: 5 or 6 } parts
            || parts is not ["storage", TorchName { Callable: PickleCallable.Storage } type, string key, string, long count, ..] || (parts.Length == 6 && parts[5] is not null))
            throw new InvalidDataException("it refers to a storage in a way that PyTorch since 0.4 does not");
        var size = (type.Type?.Bits() ?? 8) / 8;
        if (count < 0 || count > long.MaxValue / size) throw new InvalidDataException($"storage '{key}' has {count} elements");
        _storages.Expect(key, count * size);
        return new TorchStorage(key, type.Type, count * size, _storages);
    }
}
